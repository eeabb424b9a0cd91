#include "ops/optimizer.hpp"
#include "ops/contract.hpp"

#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

namespace lagrange::ops {

namespace {

constexpr std::array<optimizer_row, 8> table{{
    {"sgd", "stochastic gradient descent; options rate, momentum, weight_decay", &make_sgd},
    {"momentum", "heavy ball; options rate, momentum, weight_decay", &make_momentum},
    {"nesterov", "momentum that looks ahead; options rate, momentum, weight_decay", &make_nesterov},
    {"adagrad", "a rate for each element; options rate, epsilon, weight_decay", &make_adagrad},
    {"adam", "adaptive moments; options rate, beta1, beta2, epsilon, weight_decay", &make_adam},
    {"adamw", "adam with decay apart from the gradient; options as adam", &make_adamw},
    {"lamb", "adam with a rate for each tensor, for large batches; options as adam", &make_lamb,
     true},
    {"ftrl", "follow the regularised leader: sparse models; options rate, beta, l1, l2",
     &make_ftrl},
}};

void expect(bool is_right, std::string_view name, float value, std::string_view expected) {
  if (is_right && std::isfinite(value)) return;
  throw std::invalid_argument("optimizer." + std::string(name) + " must be " +
                              std::string(expected) + ", not " + std::to_string(value));
}

} // namespace

void check(const optimizer_options& options) {
  const auto [rate, momentum, beta1, beta2, epsilon, weight_decay, beta, l1, l2] = options;
  expect(rate > 0, "rate", rate, "a positive number");
  expect(momentum >= 0 && momentum < 1, "momentum", momentum, "in [0, 1)");
  expect(beta1 >= 0 && beta1 < 1, "beta1", beta1, "in [0, 1)");
  expect(beta2 >= 0 && beta2 < 1, "beta2", beta2, "in [0, 1)");
  expect(epsilon > 0, "epsilon", epsilon, "a positive number");
  expect(weight_decay >= 0, "weight_decay", weight_decay, "0 or a positive number");
  expect(beta >= 0, "beta", beta, "0 or a positive number");
  expect(l1 >= 0, "l1", l1, "0 or a positive number");
  expect(l2 >= 0, "l2", l2, "0 or a positive number");
}

void check_part(std::size_t first, std::size_t parameters, std::size_t gradient,
                std::size_t whole) {
  LAGRANGE_EXPECT(parameters == gradient && first <= whole && gradient <= whole - first,
                  std::to_string(gradient) + " gradients and " + std::to_string(parameters) +
                      " parameters from element " + std::to_string(first) +
                      " on for an optimizer of " + std::to_string(whole));
}

void check_rows(std::size_t table, const row_gradient& gradient) {
  const auto [rows, width, values] = gradient;
  LAGRANGE_EXPECT(width > 0 && values.size() == rows.size() * width,
                  std::to_string(values.size()) + " gradients for " + std::to_string(rows.size()) +
                      " rows of " + std::to_string(width));
  const auto end = table / width;
  for (const auto row : rows)
    LAGRANGE_EXPECT(row < end,
                    "row " + std::to_string(row) + " of a table of " + std::to_string(end));
}

void optimizer::end_tensor(std::size_t, std::span<float>, int) {}

void optimizer::step_rows(std::size_t first, std::span<float> table, const row_gradient& gradient,
                          float gradient_scale) {
  check_rows(table.size(), gradient);
  const auto [rows, width, values] = gradient;
  for (std::size_t i = 0; i < rows.size(); ++i)
    step_part(first + rows[i] * width, table.subspan(rows[i] * width, width),
              values.subspan(i * width, width), gradient_scale);
}

std::span<const optimizer_row> optimizers() { return table; }

} // namespace lagrange::ops
