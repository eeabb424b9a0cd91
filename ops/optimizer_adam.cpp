#include "ops/contract.hpp"
#include "ops/optimizer.hpp"
#include "ops/vectorised.hpp"

#include <cmath>

namespace lagrange::ops {

namespace {

struct constants {
  float beta1, beta2, epsilon, weight_decay, scale;
  float rate;        ///< over the first moment's bias correction
  float second_root; ///< one over the root of the second moment's bias correction
};

struct moments {
  float* first;
  float* second;
};

inline void adam_step(float* __restrict p, float* __restrict m, float* __restrict v,
                      const float* __restrict g, std::size_t count, constants by) {
  for (std::size_t i = 0; i < count; ++i) {
    const float d = by.scale * g[i] + by.weight_decay * p[i];
    m[i] = by.beta1 * m[i] + (1 - by.beta1) * d;
    v[i] = by.beta2 * v[i] + (1 - by.beta2) * (d * d);
    p[i] -= by.rate * m[i] / (std::sqrt(v[i]) * by.second_root + by.epsilon);
  }
}

class adam final : public optimizer {
public:
  adam(std::size_t elements, const optimizer_options& options)
      : options_(options), first_(elements, 0.0F), second_(elements, 0.0F) {}

  void begin_step() override { steps_ += 1; }

  void step_part(std::size_t first, std::span<float> parameters, std::span<const float> gradient,
                 float gradient_scale) override {
    check_part(first, parameters.size(), gradient.size(), first_.size());
    const double first_bias = 1 - std::pow(static_cast<double>(options_.beta1), steps_);
    const double second_bias = 1 - std::pow(static_cast<double>(options_.beta2), steps_);
    const constants by{.beta1 = options_.beta1,
                       .beta2 = options_.beta2,
                       .epsilon = options_.epsilon,
                       .weight_decay = options_.weight_decay,
                       .scale = gradient_scale,
                       .rate = static_cast<float>(options_.rate / first_bias),
                       .second_root = static_cast<float>(1 / std::sqrt(second_bias))};
    vectorised<&adam_step>(parameters.data(), first_.data() + first, second_.data() + first,
                           gradient.data(), gradient.size(), by);
  }

  std::vector<optimizer_state> state() override {
    return {{"first_moment", first_}, {"second_moment", second_}, {"steps", {&steps_, 1}}};
  }

private:
  optimizer_options options_;
  std::vector<float> first_, second_;
  // Exact up to 2^24 and then constant: for betas of up to 1 - 1e-6 both bias
  // corrections are 1 by then.
  float steps_ = 0;
};

} // namespace

std::unique_ptr<optimizer> make_adam(std::size_t elements, const optimizer_options& options) {
  check(options);
  return std::make_unique<adam>(elements, options);
}

} // namespace lagrange::ops
