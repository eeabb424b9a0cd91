#include "ops/delayed_nesterov.hpp"

#include <cmath>
#include <stdexcept>

namespace lagrange::ops {

namespace {

class delayed_nesterov final : public optimizer {
public:
  delayed_nesterov(std::size_t elements, const delayed_nesterov_options& options)
      : options_(options), velocity_(elements), sum_(elements) {
    if (!(options.rate > 0) || !std::isfinite(options.rate))
      throw std::invalid_argument("rate of delayed_nesterov, expected a number above 0");
    if (!(options.momentum >= 0 && options.momentum < 1))
      throw std::invalid_argument("momentum of delayed_nesterov, expected one from 0 up to 1");
    if (options.every == 0)
      throw std::invalid_argument("every of delayed_nesterov, expected at least 1");
  }

  void begin_step(float rate_factor) override {
    rate_ = options_.rate * rate_factor;
    waiting_ += 1;
    is_due_ = waiting_ >= static_cast<float>(options_.every);
    if (is_due_) waiting_ = 0;
  }

  void step_part(std::size_t first, std::span<float> parameters, std::span<const float> gradient,
                 float gradient_scale) override {
    check_part(first, parameters.size(), gradient.size(), sum_.size());
    const float share = 1 / static_cast<float>(options_.every);
    auto* sum = sum_.data() + first;
    auto* velocity = velocity_.data() + first;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const float d = gradient_scale * gradient[i];
      sum[i] += d;
      parameters[i] -= rate_ * share * d;
    }
    if (!is_due_) return;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      velocity[i] = options_.momentum * velocity[i] + share * sum[i];
      parameters[i] -= rate_ * options_.momentum * velocity[i];
      sum[i] = 0;
    }
  }

  std::vector<optimizer_state> state() override {
    return {{"velocity", velocity_}, {"sum", sum_}, {"waiting", {&waiting_, 1}}};
  }

private:
  delayed_nesterov_options options_;
  std::vector<float> velocity_, sum_;
  float waiting_ = 0; ///< updates in the sum; a float, so that state is floats alone
  float rate_ = 0;
  bool is_due_ = false;
};

} // namespace

std::unique_ptr<optimizer> make_delayed_nesterov(std::size_t elements,
                                                 const delayed_nesterov_options& options) {
  return std::make_unique<delayed_nesterov>(elements, options);
}

} // namespace lagrange::ops
