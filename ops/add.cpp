#include "ops/elementwise.hpp"
#include "ops/functions.hpp"
#include "ops/vectorised.hpp"

namespace lagrange::ops {

namespace {

inline void add_loop(const float* __restrict a, const float* __restrict b, float* __restrict y,
                     std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
}

inline void add_relu_loop(const float* __restrict a, const float* __restrict b, float* __restrict y,
                          std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const float sum = a[i] + b[i];
    y[i] = sum < 0 ? 0.0F : sum;
  }
}

class add_operation final : public operation {
public:
  explicit add_operation(activation after) : after_(after) {}
  void forward(const forward_pass& pass) override {
    const auto *a = pass.x[0].in().data(), *b = pass.x[1].in().data();
    if (after_ == activation::relu)
      vectorised<&add_relu_loop>(a, b, pass.y.out().data(), pass.y.count);
    else
      vectorised<&add_loop>(a, b, pass.y.out().data(), pass.y.count);
  }
  void backward(const backward_pass& pass) override {
    if (after_ == activation::relu) relu_backward(pass.y.in(), pass.d_y.out());
  }
  bool passes_gradient() const override { return true; }

private:
  activation after_;
};

} // namespace

variable add(const variable& a, const variable& b, activation after) {
  LAGRANGE_EXPECT(a.extents() == b.extents(),
                  to_string(a.extents()) + " plus " + to_string(b.extents()));
  return a.on().record(
      {"add", {static_cast<double>(after)}}, {a, b}, a.extents(), [](const operation_site& at) {
        const auto after = static_cast<int>(at.key.numbers[0]);
        return std::unique_ptr<operation>(new add_operation(static_cast<activation>(after)));
      });
}

} // namespace lagrange::ops
