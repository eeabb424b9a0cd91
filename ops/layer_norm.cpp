// Normalisation of each row by itself: around its mean (layer norm), or as it is (RMS norm).
#include "ops/functions.hpp"
#include "ops/lanes.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lagrange::ops {

namespace {

// What is read and written by row; `mean` stays 0 where a norm has none.
struct norm_rows {
  std::size_t rows, columns;
  float epsilon;
  std::vector<float> mean, factor; ///< y = (x - mean) factor scale + shift
};

template <bool has_mean>
inline void norm_loop(norm_rows* of, const float* __restrict x, const float* __restrict scale,
                      const float* __restrict shift, float* __restrict y) {
  const auto columns = of->columns;
  const float share = 1 / static_cast<float>(columns);
  for (std::size_t r = 0; r < of->rows; ++r, x += columns, y += columns) {
    const float mean =
        has_mean ? share * sum_in_lanes(columns, [=](std::size_t c) { return x[c]; }) : 0;
    const float square = sum_in_lanes(columns, [=](std::size_t c) {
      const float apart = has_mean ? x[c] - mean : x[c];
      return apart * apart;
    });
    const float factor = 1 / std::sqrt(square * share + of->epsilon);
    for (std::size_t c = 0; c < columns; ++c) {
      const float normal = (has_mean ? x[c] - mean : x[c]) * factor * scale[c];
      y[c] = has_mean ? normal + shift[c] : normal;
    }
    of->mean[r] = mean;
    of->factor[r] = factor;
  }
}

struct norm_gradients {
  float *x, *scale, *shift; ///< of x null: not wanted
};

template <bool has_mean>
inline void input_gradient(std::size_t columns, const float* __restrict normal,
                           const float* __restrict g, float factor, float* __restrict d_x) {
  const float share = 1 / static_cast<float>(columns);
  const float along =
      share * sum_in_lanes(columns, [=](std::size_t c) { return g[c] * normal[c]; });
  const float mean =
      has_mean ? share * sum_in_lanes(columns, [=](std::size_t c) { return g[c]; }) : 0;
  for (std::size_t c = 0; c < columns; ++c)
    d_x[c] = factor * (g[c] - (has_mean ? mean + normal[c] * along : normal[c] * along));
}

// `scratch` is two rows: x made normal, and d_y times scale.
template <bool has_mean>
inline void norm_backward_loop(const norm_rows* of, const float* __restrict x,
                               const float* __restrict scale, const float* __restrict d_y,
                               norm_gradients d, float* __restrict scratch) {
  const auto columns = of->columns;
  float* __restrict normal = scratch;
  float* __restrict g = scratch + columns;
  float* __restrict d_scale = d.scale;
  float* __restrict d_shift = d.shift;
  for (std::size_t r = 0; r < of->rows; ++r, x += columns, d_y += columns) {
    const float mean = of->mean[r], factor = of->factor[r];
    for (std::size_t c = 0; c < columns; ++c) {
      normal[c] = (has_mean ? x[c] - mean : x[c]) * factor;
      g[c] = d_y[c] * scale[c];
      d_scale[c] += d_y[c] * normal[c];
      if (has_mean) d_shift[c] += d_y[c];
    }
    if (d.x != nullptr) input_gradient<has_mean>(columns, normal, g, factor, d.x + r * columns);
  }
}

// Operands: x, scale, and shift if it has a mean.
template <bool has_mean>
class norm_operation final : public operation {
public:
  explicit norm_operation(const operation_site& at) {
    rows_.columns = static_cast<std::size_t>(at.x[1].elements());
    rows_.rows = static_cast<std::size_t>(at.y.elements()) / rows_.columns;
    rows_.epsilon = static_cast<float>(at.key.numbers[0]);
    rows_.mean.resize(rows_.rows);
    rows_.factor.resize(rows_.rows);
    scratch_.resize(4 * rows_.columns);
  }

  void forward(const forward_pass& pass) override {
    vectorised<&norm_loop<has_mean>>(&rows_, pass.x[0].in().data(), pass.x[1].in().data(),
                                     has_mean ? pass.x[2].in().data() : nullptr,
                                     pass.y.out().data());
  }

  void backward(const backward_pass& pass) override {
    const norm_gradients d{pass.d_x[0].out().data(), begin(pass, 1), begin(pass, 2)};
    vectorised<&norm_backward_loop<has_mean>>(static_cast<const norm_rows*>(&rows_),
                                              pass.x[0].in().data(), pass.x[1].in().data(),
                                              pass.d_y.in().data(), d, scratch_.data());
  }

private:
  // Where the gradient of an operand is summed, at 0: in scratch if it is not wanted.
  float* begin(const backward_pass& pass, std::size_t operand) {
    const bool is_wanted = operand < pass.d_x.size() && !pass.d_x[operand].empty();
    const auto spare = std::span(scratch_).subspan((1 + operand) * rows_.columns, rows_.columns);
    const auto to = is_wanted ? pass.d_x[operand].out() : spare;
    std::ranges::fill(to, 0.0F);
    return to.data();
  }

  norm_rows rows_{};
  std::vector<float> scratch_;
};

void check(const shape& x, const shape& scale, float epsilon) {
  LAGRANGE_EXPECT(x.rank() > 0 && x.elements() > 0 && scale == shape{x[x.rank() - 1]},
                  "a norm of rows of " + to_string(x) + " with " + to_string(scale));
  LAGRANGE_EXPECT(epsilon > 0, "an epsilon of " + std::to_string(epsilon));
}

} // namespace

variable layer_norm(const variable& x, const variable& scale, const variable& shift,
                    float epsilon) {
  const auto from = x.extents();
  check(from, scale.extents(), epsilon);
  check(from, shift.extents(), epsilon);
  return x.on().record({"layer_norm", {epsilon}}, {x, scale, shift}, from,
                       [](const operation_site& at) {
                         return std::unique_ptr<operation>(new norm_operation<true>(at));
                       });
}

variable rms_norm(const variable& x, const variable& scale, float epsilon) {
  const auto from = x.extents();
  check(from, scale.extents(), epsilon);
  return x.on().record({"rms_norm", {epsilon}}, {x, scale}, from, [](const operation_site& at) {
    return std::unique_ptr<operation>(new norm_operation<false>(at));
  });
}

} // namespace lagrange::ops
