#include "function_trial.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace lagrange;
using namespace lagrange::ops;
using tests::distance;
using tests::function_trial;

namespace {

constexpr double slope_error_max = 2e-3;
using operands = std::span<const variable>;

function_trial layer_norm_trial(const shape& x) {
  const shape c{x[x.rank() - 1]};
  return {{{x, 1}, {c, 2}, {c, 3}},
          [](tape&, operands of) { return layer_norm(of[0], of[1], of[2]); }};
}

function_trial rms_norm_trial(const shape& x) {
  return {{{x, 1}, {{x[x.rank() - 1]}, 2}},
          [](tape&, operands of) { return rms_norm(of[0], of[1]); }};
}

// With the mean of each row, or with 0 for it.
std::vector<double> reference(const function_trial& of, bool has_mean) {
  const auto &x = of.operands[0].values, &scale = of.operands[1].values;
  std::vector<double> y;
  for (std::size_t first = 0; first < x.size(); first += scale.size()) {
    const auto at = [&](std::size_t c) { return static_cast<double>(x[first + c]); };
    const auto columns = static_cast<double>(scale.size());
    double mean = 0, variance = 0;
    for (std::size_t c = 0; has_mean && c < scale.size(); ++c) mean += at(c) / columns;
    for (std::size_t c = 0; c < scale.size(); ++c) variance += std::pow(at(c) - mean, 2) / columns;
    for (std::size_t c = 0; c < scale.size(); ++c)
      y.push_back((at(c) - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(scale[c]) +
                  (has_mean ? static_cast<double>(of.operands[2].values[c]) : 0));
  }
  return y;
}

const std::vector<shape> shapes{{3, 2}, {1, 5}, {4, 3, 16}, {7, 65}, {64, 128}};

} // namespace

TEST_CASE("layer norm and RMS norm are their formulas", "[ops][layer_norm]") {
  for (const auto& x : shapes) {
    CAPTURE(to_string(x));
    auto layer = layer_norm_trial(x);
    CHECK(distance(layer.forward(), reference(layer, true)) < 1e-5);
    auto rms = rms_norm_trial(x);
    CHECK(distance(rms.forward(), reference(rms, false)) < 1e-5);
  }
}

TEST_CASE("the gradients of layer norm and RMS norm are slopes", "[ops][layer_norm]") {
  for (const auto& x : shapes) {
    CAPTURE(to_string(x));
    if (x[x.rank() - 1] > 2) // two numbers become 1 and -1 whatever they are
      CHECK(layer_norm_trial(x).slope_error() < slope_error_max);
    CHECK(rms_norm_trial(x).slope_error() < slope_error_max);
  }
}

TEST_CASE("a norm of rows of another length than its scale is a bug and told as one",
          "[ops][layer_norm]") {
  auto layer = layer_norm_trial({3, 4});
  layer.operands[2] = {{3}, 1};
  CHECK_THROWS_AS(layer.forward(), contract_error);
  auto rms = rms_norm_trial({3, 4});
  rms.operands[1] = {{2, 2}, 1};
  CHECK_THROWS_AS(rms.forward(), contract_error);
}
