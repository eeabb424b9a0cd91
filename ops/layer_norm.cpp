#include "ops/functions.hpp"
#include "ops/lanes.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lagrange::ops {

namespace {

constexpr float epsilon = 1e-5F;

struct norm_rows {
  std::size_t rows, width;
};

inline void forward_loop(const norm_rows& at, const float* __restrict x,
                         const float* __restrict scale, const float* __restrict shift,
                         float* __restrict y, float* __restrict moments) {
  const auto width = static_cast<float>(at.width);
  for (std::size_t r = 0; r < at.rows; ++r, x += at.width, y += at.width) {
    const float mean = sum_in_lanes(at.width, [=](std::size_t i) { return x[i]; }) / width;
    const float variance =
        sum_in_lanes(at.width, [=](std::size_t i) { return (x[i] - mean) * (x[i] - mean); }) /
        width;
    const float by = 1 / std::sqrt(variance + epsilon);
    for (std::size_t i = 0; i < at.width; ++i) y[i] = (x[i] - mean) * by * scale[i] + shift[i];
    moments[2 * r] = mean;
    moments[2 * r + 1] = by;
  }
}

inline void backward_loop(const norm_rows& at, const float* __restrict x,
                          const float* __restrict scale, const float* __restrict moments,
                          const float* __restrict d_y, float* __restrict d_x,
                          float* __restrict d_scale, float* __restrict d_shift) {
  const auto width = static_cast<float>(at.width);
  for (std::size_t r = 0; r < at.rows; ++r, x += at.width, d_y += at.width, d_x += at.width) {
    const float mean = moments[2 * r], by = moments[2 * r + 1];
    const float sum =
        sum_in_lanes(at.width, [=](std::size_t i) { return d_y[i] * scale[i]; }) / width;
    const float product =
        sum_in_lanes(at.width,
                     [=](std::size_t i) { return d_y[i] * scale[i] * (x[i] - mean) * by; }) /
        width;
    for (std::size_t i = 0; i < at.width; ++i) {
      const float normal = (x[i] - mean) * by;
      d_x[i] = by * (d_y[i] * scale[i] - sum - normal * product);
      d_scale[i] += d_y[i] * normal;
      d_shift[i] += d_y[i];
    }
  }
}

// Operands: x, scale, shift.
class layer_norm_operation final : public operation {
public:
  explicit layer_norm_operation(const operation_site& at)
      : at_{static_cast<std::size_t>(at.y.elements() / at.x[1][0]),
            static_cast<std::size_t>(at.x[1][0])},
        moments_(2 * at_.rows), unwanted_x_(at_.rows * at_.width), unwanted_(2 * at_.width) {}

  void forward(const forward_pass& pass) override {
    vectorised<&forward_loop>(at_, pass.x[0].in().data(), pass.x[1].in().data(),
                              pass.x[2].in().data(), pass.y.out().data(), moments_.data());
  }
  void backward(const backward_pass& pass) override {
    const auto d_scale = wanted(pass.d_x[1], 0), d_shift = wanted(pass.d_x[2], at_.width);
    std::ranges::fill(d_scale, 0.0F);
    std::ranges::fill(d_shift, 0.0F);
    float* d_x = pass.d_x[0].empty() ? unwanted_x_.data() : pass.d_x[0].out().data();
    vectorised<&backward_loop>(at_, pass.x[0].in().data(), pass.x[1].in().data(),
                               static_cast<const float*>(moments_.data()), pass.d_y.in().data(),
                               d_x, d_scale.data(), d_shift.data());
  }

private:
  std::span<float> wanted(const view& of, std::size_t first) {
    return of.empty() ? std::span(unwanted_).subspan(first, at_.width) : of.out();
  }
  norm_rows at_;
  std::vector<float> moments_; ///< of each row: the mean, and one over the standard deviation
  std::vector<float> unwanted_x_, unwanted_;
};

} // namespace

variable layer_norm(const variable& x, const variable& scale, const variable& shift) {
  const auto& from = x.extents();
  LAGRANGE_EXPECT(from.rank() > 0 && from.elements() > 0 &&
                      scale.extents() == shape{from[from.rank() - 1]} &&
                      shift.extents() == scale.extents(),
                  "a norm of " + to_string(from) + " by " + to_string(scale.extents()));
  return x.on().record({"layer_norm"}, {x, scale, shift}, from, [](const operation_site& at) {
    return std::unique_ptr<operation>(new layer_norm_operation(at));
  });
}

} // namespace lagrange::ops
