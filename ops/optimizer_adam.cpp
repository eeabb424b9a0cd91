#include "ops/optimizer_rule.hpp"

#include <cmath>

namespace lagrange::ops {

namespace {

/// adam, and adamw, which differ in where the decay goes.
enum class decay_place { gradient, step };

template <decay_place Place>
struct adam_rule {
  static constexpr std::array<std::string_view, 2> state_names{"first_moment", "second_moment"};
  static constexpr bool counts_steps = true;
  struct constants {
    float beta1, beta2, epsilon;
    float decay; ///< of the gradient, or of the parameter itself
    bias_correction corrected;
  };
  static constants at(const optimizer_options& options, step_facts facts) {
    const float times = Place == decay_place::step ? facts.rate : 1;
    return {options.beta1, options.beta2, options.epsilon, times * options.weight_decay,
            correct_bias(options, facts)};
  }
  static bool rests(const optimizer_options&) { return false; }

  static inline void step(constants by, float scale, const float* __restrict g, std::size_t count,
                          float* __restrict p, float* __restrict m, float* __restrict v) {
    const auto [rate, second_root] = by.corrected;
    for (std::size_t i = 0; i < count; ++i) {
      float d = scale * g[i];
      if constexpr (Place == decay_place::gradient) d += by.decay * p[i];
      m[i] = by.beta1 * m[i] + (1 - by.beta1) * d;
      v[i] = by.beta2 * v[i] + (1 - by.beta2) * (d * d);
      float change = rate * m[i] / (std::sqrt(v[i]) * second_root + by.epsilon);
      if constexpr (Place == decay_place::step) change += by.decay * p[i];
      p[i] -= change;
    }
  }
};

} // namespace

bias_correction correct_bias(const optimizer_options& options, step_facts at) {
  const double first = 1 - std::pow(static_cast<double>(options.beta1), at.count);
  const double second = 1 - std::pow(static_cast<double>(options.beta2), at.count);
  return {static_cast<float>(at.rate / first), static_cast<float>(1 / std::sqrt(second))};
}

std::unique_ptr<optimizer> make_adam(std::size_t elements, const optimizer_options& options) {
  return std::make_unique<optimizer_by_rule<adam_rule<decay_place::gradient>>>(elements, options);
}

std::unique_ptr<optimizer> make_adamw(std::size_t elements, const optimizer_options& options) {
  return std::make_unique<optimizer_by_rule<adam_rule<decay_place::step>>>(elements, options);
}

} // namespace lagrange::ops
