#include "ops/functions.hpp"

#include <algorithm>

namespace lagrange::ops {

namespace {

// Operand: x.
class subsample_operation final : public operation {
public:
  explicit subsample_operation(const operation_site& at)
      : from_(at.x[0]), to_(at.y), stride_(static_cast<std::int64_t>(at.key.numbers[0])),
        before_((at.y[3] - at.x[0][3]) / 2) {}

  void forward(const forward_pass& pass) override {
    std::ranges::fill(pass.y.out(), 0.0F);
    for_pixels([&](std::size_t from, std::size_t to) {
      std::ranges::copy(pass.x[0].in().subspan(from, channels()), &pass.y.out()[to]);
    });
  }
  void backward(const backward_pass& pass) override {
    std::ranges::fill(pass.d_x[0].out(), 0.0F);
    for_pixels([&](std::size_t from, std::size_t to) {
      std::ranges::copy(pass.d_y.in().subspan(to, channels()), &pass.d_x[0].out()[from]);
    });
  }

private:
  std::size_t channels() const { return static_cast<std::size_t>(from_[3]); }

  /// The first channel of every pixel that is kept: where it lies in x, and where in y.
  template <class Use>
  void for_pixels(Use use) const {
    for (std::int64_t b = 0; b < to_[0]; ++b)
      for (std::int64_t h = 0; h < to_[1]; ++h)
        for (std::int64_t w = 0; w < to_[2]; ++w) {
          const auto from = ((b * from_[1] + h * stride_) * from_[2] + w * stride_) * from_[3];
          const auto to = ((b * to_[1] + h) * to_[2] + w) * to_[3] + before_;
          use(static_cast<std::size_t>(from), static_cast<std::size_t>(to));
        }
  }

  shape from_, to_;
  std::int64_t stride_, before_;
};

} // namespace

variable subsample(const variable& x, std::int64_t stride, std::int64_t channels) {
  const auto& from = x.extents();
  LAGRANGE_EXPECT(from.rank() == 4 && stride >= 1 && channels >= from[3] &&
                      (channels - from[3]) % 2 == 0,
                  "every " + std::to_string(stride) + "th pixel of " + to_string(from) + " in " +
                      std::to_string(channels) + " channels");
  const auto steps = [stride](std::int64_t pixels) { return (pixels + stride - 1) / stride; };
  return x.on().record({"subsample", {static_cast<double>(stride), static_cast<double>(channels)}},
                       {x}, {from[0], steps(from[1]), steps(from[2]), channels},
                       [](const operation_site& at) {
                         return std::unique_ptr<operation>(new subsample_operation(at));
                       });
}

} // namespace lagrange::ops
