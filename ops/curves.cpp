// Functions of one number, applied to each element: a curve gives its value and its slope.
#include "ops/exponential.hpp"
#include "ops/functions.hpp"
#include "ops/vectorised.hpp"

namespace lagrange::ops {

namespace {

template <class Curve>
inline void value_loop(const float* __restrict x, float* __restrict y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] = Curve::value(x[i]);
}

template <class Curve>
inline void slope_loop(const float* __restrict x, const float* __restrict y, float* __restrict d,
                       std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) d[i] *= Curve::slope(x[i], y[i]);
}

template <class Curve>
class curve_operation final : public operation {
public:
  void forward(const forward_pass& pass) override {
    vectorised<&value_loop<Curve>>(pass.x[0].in().data(), pass.y.out().data(), pass.y.count);
  }
  void backward(const backward_pass& pass) override {
    vectorised<&slope_loop<Curve>>(pass.x[0].in().data(), pass.y.in().data(), pass.d_y.out().data(),
                                   pass.d_y.count);
  }
  bool passes_gradient() const override { return true; }
};

template <class Curve>
variable apply(std::string_view name, const variable& x) {
  const auto extents = x.extents(); // the tape moves its own as it grows
  return x.on().record({name}, {x}, extents, [](const operation_site&) {
    return std::unique_ptr<operation>(new curve_operation<Curve>);
  });
}

struct gelu_curve {
  static constexpr float cubic = 0.044715F;
  static constexpr float twice_root = 1.59576912F; // 2 sqrt(2 / pi)
  // (1 + tanh(u)) / 2 is the logistic function of 2 u.
  static float share(float x) { return logistic(twice_root * (x + cubic * x * x * x)); }
  static float value(float x) { return x * share(x); }
  static float slope(float x, float) {
    const float s = share(x);
    return s + x * s * (1 - s) * twice_root * (1 + 3 * cubic * x * x);
  }
};

struct silu_curve {
  static float value(float x) { return x * logistic(x); }
  static float slope(float x, float) {
    const float s = logistic(x);
    return s + x * s * (1 - s);
  }
};

struct tanh_curve {
  static float value(float x) { return hyperbolic_tangent(x); }
  static float slope(float, float y) { return 1 - y * y; }
};

struct sigmoid_curve {
  static float value(float x) { return logistic(x); }
  static float slope(float, float y) { return y * (1 - y); }
};

} // namespace

variable gelu(const variable& x) { return apply<gelu_curve>("gelu", x); }
variable silu(const variable& x) { return apply<silu_curve>("silu", x); }
variable tanh(const variable& x) { return apply<tanh_curve>("tanh", x); }
variable sigmoid(const variable& x) { return apply<sigmoid_curve>("sigmoid", x); }

} // namespace lagrange::ops
