#include "ops/exponential.hpp"
#include "ops/functions.hpp"
#include "ops/vectorised.hpp"

namespace lagrange::ops {

namespace {

constexpr float twice_root = 1.59576912F; // 2 sqrt(2 / pi)
constexpr float cubic = 0.044715F;

inline void forward_loop(const float* __restrict x, float* __restrict y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    y[i] = x[i] * logistic(twice_root * (x[i] + cubic * x[i] * x[i] * x[i]));
}

inline void backward_loop(const float* __restrict x, float* __restrict d, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const float square = x[i] * x[i];
    const float share = logistic(twice_root * (x[i] + cubic * x[i] * square));
    d[i] *= share + x[i] * share * (1 - share) * twice_root * (1 + 3 * cubic * square);
  }
}

class gelu_operation final : public operation {
public:
  void forward(const forward_pass& pass) override {
    vectorised<&forward_loop>(pass.x[0].in().data(), pass.y.out().data(), pass.y.count);
  }
  void backward(const backward_pass& pass) override {
    vectorised<&backward_loop>(pass.x[0].in().data(), pass.d_y.out().data(), pass.d_y.count);
  }
  bool passes_gradient() const override { return true; }
};

} // namespace

variable gelu(const variable& x) {
  return x.on().record({"gelu"}, {x}, x.extents(), [](const operation_site&) {
    return std::unique_ptr<operation>(new gelu_operation);
  });
}

} // namespace lagrange::ops
