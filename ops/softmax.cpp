#include "ops/functions.hpp"
#include "ops/softmax_row.hpp"
#include "ops/vectorised.hpp"

namespace lagrange::ops {

namespace {

inline void softmax_loop(const float* __restrict x, float* __restrict y, std::size_t rows,
                         std::size_t columns) {
  for (std::size_t r = 0; r < rows; ++r, x += columns, y += columns) {
    const float share = 1 / exponentials(x, y, columns).sum;
    for (std::size_t c = 0; c < columns; ++c) y[c] *= share;
  }
}

inline void softmax_backward_loop(const float* __restrict y, float* __restrict d, std::size_t rows,
                                  std::size_t columns) {
  for (std::size_t r = 0; r < rows; ++r, y += columns, d += columns) {
    const float mean = sum_in_lanes(columns, [=](std::size_t c) { return y[c] * d[c]; });
    for (std::size_t c = 0; c < columns; ++c) d[c] = y[c] * (d[c] - mean);
  }
}

class softmax_operation final : public operation {
public:
  softmax_operation(std::size_t rows, std::size_t columns) : rows_(rows), columns_(columns) {}
  void forward(const forward_pass& pass) override {
    vectorised<&softmax_loop>(pass.x[0].in().data(), pass.y.out().data(), rows_, columns_);
  }
  void backward(const backward_pass& pass) override {
    vectorised<&softmax_backward_loop>(pass.y.in().data(), pass.d_y.out().data(), rows_, columns_);
  }
  bool passes_gradient() const override { return true; }

private:
  std::size_t rows_, columns_;
};

} // namespace

variable softmax(const variable& x) {
  const auto from = x.extents();
  LAGRANGE_EXPECT(from.rank() > 0 && from.elements() > 0, "a softmax of " + to_string(from));
  return x.on().record({"softmax"}, {x}, from, [](const operation_site& at) {
    const auto columns = at.y[at.y.rank() - 1];
    return std::unique_ptr<operation>(new softmax_operation(
        static_cast<std::size_t>(at.y.elements() / columns), static_cast<std::size_t>(columns)));
  });
}

} // namespace lagrange::ops
