#include "ops/optimizer.hpp"
#include "ops/contract.hpp"

#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

namespace lagrange::ops {

namespace {

constexpr std::array<optimizer_row, 2> table{{
    {"sgd", "stochastic gradient descent; options rate, momentum, weight_decay", &make_sgd},
    {"adam", "adaptive moments; options rate, beta1, beta2, epsilon, weight_decay", &make_adam},
}};

void expect(bool is_right, std::string_view name, float value, std::string_view expected) {
  if (is_right && std::isfinite(value)) return;
  throw std::invalid_argument("optimizer." + std::string(name) + " must be " +
                              std::string(expected) + ", not " + std::to_string(value));
}

} // namespace

void check(const optimizer_options& options) {
  const auto [rate, momentum, beta1, beta2, epsilon, weight_decay] = options;
  expect(rate > 0, "rate", rate, "a positive number");
  expect(momentum >= 0 && momentum < 1, "momentum", momentum, "in [0, 1)");
  expect(beta1 >= 0 && beta1 < 1, "beta1", beta1, "in [0, 1)");
  expect(beta2 >= 0 && beta2 < 1, "beta2", beta2, "in [0, 1)");
  expect(epsilon > 0, "epsilon", epsilon, "a positive number");
  expect(weight_decay >= 0, "weight_decay", weight_decay, "0 or a positive number");
}

void check_part(std::size_t first, std::size_t parameters, std::size_t gradient,
                std::size_t whole) {
  LAGRANGE_EXPECT(parameters == gradient && first <= whole && gradient <= whole - first,
                  std::to_string(gradient) + " gradients and " + std::to_string(parameters) +
                      " parameters from element " + std::to_string(first) +
                      " on for an optimizer of " + std::to_string(whole));
}

std::span<const optimizer_row> optimizers() { return table; }

} // namespace lagrange::ops
