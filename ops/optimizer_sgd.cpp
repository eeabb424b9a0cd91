#include "ops/optimizer_rule.hpp"

namespace lagrange::ops {

namespace {

struct plain_rule {
  static constexpr std::array<std::string_view, 0> state_names{};
  static constexpr bool counts_steps = false;
  struct constants {
    float rate, weight_decay;
  };
  static constants at(const optimizer_options& options, step_facts facts) {
    return {facts.rate, options.weight_decay};
  }
  static bool rests(const optimizer_options& options) { return options.weight_decay == 0; }

  static inline void step(constants by, float scale, const float* __restrict g, std::size_t count,
                          float* __restrict p) {
    for (std::size_t i = 0; i < count; ++i)
      p[i] -= by.rate * (scale * g[i] + by.weight_decay * p[i]);
  }
};

struct momentum_constants {
  float rate, momentum, weight_decay;
};

/// What the two kinds of momentum share.
struct velocity_rule {
  static constexpr std::array<std::string_view, 1> state_names{"velocity"};
  static constexpr bool counts_steps = false;
  using constants = momentum_constants;
  static constants at(const optimizer_options& options, step_facts facts) {
    return {facts.rate, options.momentum, options.weight_decay};
  }
  static bool rests(const optimizer_options&) { return false; }
};

struct momentum_rule : velocity_rule {
  static inline void step(constants by, float scale, const float* __restrict g, std::size_t count,
                          float* __restrict p, float* __restrict u) {
    for (std::size_t i = 0; i < count; ++i) {
      u[i] = by.momentum * u[i] + (scale * g[i] + by.weight_decay * p[i]);
      p[i] -= by.rate * u[i];
    }
  }
};

struct nesterov_rule : velocity_rule {
  static inline void step(constants by, float scale, const float* __restrict g, std::size_t count,
                          float* __restrict p, float* __restrict u) {
    for (std::size_t i = 0; i < count; ++i) {
      const float d = scale * g[i] + by.weight_decay * p[i];
      u[i] = by.momentum * u[i] + d;
      p[i] -= by.rate * (d + by.momentum * u[i]);
    }
  }
};

} // namespace

std::unique_ptr<optimizer> make_sgd(std::size_t elements, const optimizer_options& options) {
  if (options.momentum != 0) return make_momentum(elements, options);
  return std::make_unique<optimizer_by_rule<plain_rule>>(elements, options);
}

std::unique_ptr<optimizer> make_momentum(std::size_t elements, const optimizer_options& options) {
  return std::make_unique<optimizer_by_rule<momentum_rule>>(elements, options);
}

std::unique_ptr<optimizer> make_nesterov(std::size_t elements, const optimizer_options& options) {
  return std::make_unique<optimizer_by_rule<nesterov_rule>>(elements, options);
}

} // namespace lagrange::ops
