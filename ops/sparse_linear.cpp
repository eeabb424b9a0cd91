#include "ops/elementwise.hpp"
#include "ops/functions.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <bit>

namespace lagrange::ops {

namespace {

// Rows of features: index and bits of the value, in turns, index -1 where there is none.
struct feature_rows {
  const std::int32_t* features;
  std::size_t batch, length, outputs;
};

inline void forward_loop(const feature_rows& at, const float* __restrict w, float* __restrict y) {
  const std::int32_t* feature = at.features;
  for (std::size_t b = 0; b < at.batch; ++b, y += at.outputs)
    for (std::size_t m = 0; m < at.length; ++m, feature += 2) {
      if (feature[0] < 0) continue;
      const float* row = w + static_cast<std::size_t>(feature[0]) * at.outputs;
      const auto value = std::bit_cast<float>(feature[1]);
      for (std::size_t o = 0; o < at.outputs; ++o) y[o] += value * row[o];
    }
}

inline void backward_loop(const feature_rows& at, const float* __restrict d_y,
                          float* __restrict d_w) {
  const std::int32_t* feature = at.features;
  for (std::size_t b = 0; b < at.batch; ++b, d_y += at.outputs)
    for (std::size_t m = 0; m < at.length; ++m, feature += 2) {
      if (feature[0] < 0) continue;
      float* row = d_w + static_cast<std::size_t>(feature[0]) * at.outputs;
      const auto value = std::bit_cast<float>(feature[1]);
      for (std::size_t o = 0; o < at.outputs; ++o) row[o] += value * d_y[o];
    }
}

// Operands: rows, w, b.
class sparse_linear_operation final : public operation {
public:
  explicit sparse_linear_operation(const operation_site& at)
      : features_(at.x[1][0]), batch_(static_cast<std::size_t>(at.x[0][0])),
        length_(static_cast<std::size_t>(at.x[0][1])),
        outputs_(static_cast<std::size_t>(at.x[1][1])) {}

  void forward(const forward_pass& pass) override {
    const auto rows = pass.x[0].values<const std::int32_t>();
    for (std::size_t i = 0; i < rows.size(); i += 2)
      LAGRANGE_EXPECT(rows[i] >= -1 && rows[i] < features_,
                      "feature " + std::to_string(rows[i]) + " of " + std::to_string(features_));
    const auto y = pass.y.out();
    for (std::size_t b = 0; b < batch_; ++b)
      std::ranges::copy(pass.x[2].in(), y.subspan(b * outputs_).begin());
    vectorised<&forward_loop>(at(pass.x), pass.x[1].in().data(), y.data());
  }
  void backward(const backward_pass& pass) override {
    if (!pass.d_x[2].empty()) sum_rows(pass.d_y.in(), pass.d_x[2].out());
    if (pass.d_x[1].empty()) return;
    std::ranges::fill(pass.d_x[1].out(), 0.0F);
    vectorised<&backward_loop>(at(pass.x), pass.d_y.in().data(), pass.d_x[1].out().data());
  }

private:
  feature_rows at(std::span<const view> x) const {
    return {x[0].values<const std::int32_t>().data(), batch_, length_, outputs_};
  }
  std::int64_t features_;
  std::size_t batch_, length_, outputs_;
};

} // namespace

variable sparse_linear(const variable& rows, const variable& w, const variable& b) {
  const auto &of = rows.extents(), &by = w.extents();
  LAGRANGE_EXPECT(of.rank() == 3 && of[2] == 2 && of.elements() > 0 && by.rank() == 2 &&
                      by.elements() > 0 && b.elements() == by[1],
                  "rows " + to_string(of) + " by a weight " + to_string(by) + " and a bias " +
                      to_string(b.extents()));
  return w.on().record({"sparse_linear"}, {rows, w, b}, {of[0], by[1]},
                       [](const operation_site& at) {
                         return std::unique_ptr<operation>(new sparse_linear_operation(at));
                       });
}

} // namespace lagrange::ops
