#include "ops/optimizer_rule.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace lagrange::ops {

namespace {

/// In the paper's letters: n is the sum of squares, and z is kept as rate * z. With l1 and l2 zero,
/// rate * z = -(beta + sqrt(n)) * p at any rate, so a schedule changes how far a gradient moves an
/// element, and no element by itself.
struct ftrl_rule {
  static constexpr std::array<std::string_view, 2> state_names{"scaled_sum", "squares"};
  static constexpr bool counts_steps = false;
  struct constants {
    float rate, beta, l1, l2; ///< l1 and l2 times the rate
  };
  static constants at(const optimizer_options& options, step_facts facts) {
    return {facts.rate, options.beta, facts.rate * options.l1, facts.rate * options.l2};
  }
  static bool rests(const optimizer_options& options) { return options.l1 == 0 && options.l2 == 0; }

  static inline void step(constants by, float scale, const float* __restrict g, std::size_t count,
                          float* __restrict p, float* __restrict z, float* __restrict n) {
    for (std::size_t i = 0; i < count; ++i) {
      const float d = scale * g[i];
      const float squares = n[i] + d * d;
      const float root = std::sqrt(squares);
      const float before = n[i] == 0 ? -by.beta * p[i] : z[i];
      const float sum = before + (by.rate * d - (root - std::sqrt(n[i])) * p[i]);
      const float over = std::abs(sum) - by.l1;
      const float moved = -std::copysign(over, sum) / ((by.beta + root) + by.l2);
      const float next = over > 0 ? moved : 0.0F;
      z[i] = sum;
      n[i] = squares;
      p[i] = squares == 0 ? p[i] : next;
    }
  }
};

} // namespace

std::unique_ptr<optimizer> make_ftrl(std::size_t elements, const optimizer_options& options) {
  check(options);
  if (options.weight_decay != 0)
    throw std::invalid_argument("optimizer.weight_decay must be 0 with ftrl, not " +
                                std::to_string(options.weight_decay) + ": set optimizer.l2");
  return std::make_unique<optimizer_by_rule<ftrl_rule>>(elements, options);
}

} // namespace lagrange::ops
