#include "ops/contract.hpp"
#include "ops/optimizer.hpp"
#include "ops/vectorised.hpp"

namespace lagrange::ops {

namespace {

struct constants {
  float rate, momentum, weight_decay, scale;
};

inline void plain_step(float* __restrict p, const float* __restrict g, std::size_t count,
                       constants by) {
  for (std::size_t i = 0; i < count; ++i)
    p[i] -= by.rate * (by.scale * g[i] + by.weight_decay * p[i]);
}

inline void momentum_step(float* __restrict p, float* __restrict u, const float* __restrict g,
                          std::size_t count, constants by) {
  for (std::size_t i = 0; i < count; ++i) {
    u[i] = by.momentum * u[i] + (by.scale * g[i] + by.weight_decay * p[i]);
    p[i] -= by.rate * u[i];
  }
}

class sgd final : public optimizer {
public:
  sgd(std::size_t elements, const optimizer_options& options)
      : elements_(elements), options_(options),
        velocity_(options.momentum == 0 ? 0 : elements, 0.0F) {}

  void begin_step() override {}

  void step_part(std::size_t first, std::span<float> parameters, std::span<const float> gradient,
                 float gradient_scale) override {
    check_part(first, parameters.size(), gradient.size(), elements_);
    const constants by{options_.rate, options_.momentum, options_.weight_decay, gradient_scale};
    if (velocity_.empty())
      return vectorised<&plain_step>(parameters.data(), gradient.data(), gradient.size(), by);
    vectorised<&momentum_step>(parameters.data(), velocity_.data() + first, gradient.data(),
                               gradient.size(), by);
  }

  bool rests_at_zero() const override {
    return options_.momentum == 0 && options_.weight_decay == 0;
  }

  std::vector<optimizer_state> state() override {
    if (velocity_.empty()) return {};
    return {{"velocity", velocity_}};
  }

private:
  std::size_t elements_;
  optimizer_options options_;
  std::vector<float> velocity_;
};

} // namespace

std::unique_ptr<optimizer> make_sgd(std::size_t elements, const optimizer_options& options) {
  check(options);
  return std::make_unique<sgd>(elements, options);
}

} // namespace lagrange::ops
