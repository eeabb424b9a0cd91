#include "ops/optimizer_rule.hpp"

#include <cmath>

namespace lagrange::ops {

namespace {

struct adagrad_rule {
  static constexpr std::array<std::string_view, 1> state_names{"squares"};
  static constexpr bool counts_steps = false;
  struct constants {
    float rate, epsilon, weight_decay;
  };
  static constants at(const optimizer_options& options, step_facts facts) {
    return {facts.rate, options.epsilon, options.weight_decay};
  }
  static bool rests(const optimizer_options& options) { return options.weight_decay == 0; }

  static inline void step(constants by, float scale, const float* __restrict g, std::size_t count,
                          float* __restrict p, float* __restrict s) {
    for (std::size_t i = 0; i < count; ++i) {
      const float d = scale * g[i] + by.weight_decay * p[i];
      s[i] += d * d;
      p[i] -= by.rate * d / (std::sqrt(s[i]) + by.epsilon);
    }
  }
};

} // namespace

std::unique_ptr<optimizer> make_adagrad(std::size_t elements, const optimizer_options& options) {
  return std::make_unique<optimizer_by_rule<adagrad_rule>>(elements, options);
}

} // namespace lagrange::ops
