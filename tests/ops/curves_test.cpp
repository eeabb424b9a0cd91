// Functions of one number or of one row.
#include "function_trial.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace lagrange;
using namespace lagrange::ops;
using tests::distance;
using tests::function_trial;
using tests::operand_values;

namespace {

constexpr double slope_error_max = 2e-3;
using operands = std::span<const variable>;

struct curve {
  variable (*found)(const variable&);
  double (*wanted)(double);
};

const std::vector<curve> curves{
    {&ops::gelu,
     [](double x) {
       return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
     }},
    {&ops::silu, [](double x) { return x / (1 + std::exp(-x)); }},
    {&ops::tanh, [](double x) { return std::tanh(x); }},
    {&ops::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
    {[](const variable& x) { return scale(x, -0.75F); }, [](double x) { return -0.75 * x; }},
};

std::vector<double> softmax_reference(std::span<const float> x, std::size_t columns) {
  std::vector<double> y;
  for (std::size_t first = 0; first < x.size(); first += columns) {
    double sum = 0;
    for (std::size_t c = 0; c < columns; ++c) sum += std::exp(static_cast<double>(x[first + c]));
    for (std::size_t c = 0; c < columns; ++c)
      y.push_back(std::exp(static_cast<double>(x[first + c])) / sum);
  }
  return y;
}

} // namespace

TEST_CASE("curves are the formulas they are defined by, and their gradients slopes",
          "[ops][curves]") {
  for (const auto& each : curves)
    for (std::int64_t count : {1, 37, 200}) {
      CAPTURE(&each - curves.data(), count);
      function_trial at({{{count}, 1}}, [&](tape&, operands x) { return each.found(x[0]); });
      auto& x = at.operands[0].values;
      for (auto& value : x) value *= 4;
      std::vector<double> wanted;
      for (const float value : x) wanted.push_back(each.wanted(static_cast<double>(value)));
      CHECK(distance(at.forward(), wanted) < 1e-6);
      CHECK(at.slope_error() < slope_error_max);
    }
}

TEST_CASE("far from zero, curves are what they tend to", "[ops][curves]") {
  for (const auto& each : curves) {
    function_trial at({operand_values(shape{4}, std::vector<float>{-1000, -90, 90, 1000})},
                      [&](tape&, operands x) { return each.found(x[0]); });
    std::vector<double> wanted;
    for (double x : {-1000.0, -90.0, 90.0, 1000.0}) wanted.push_back(each.wanted(x));
    CHECK(distance(at.forward(), wanted) < 1e-6);
    const auto slopes = at.gradients({1, 1, 1, 1});
    for (const float slope : slopes[0]) CHECK(std::abs(slope) < 1.001F);
  }
}

TEST_CASE("multiply is the product of each two elements, also of a variable with itself",
          "[ops][multiply]") {
  function_trial two({{{3, 7}, 1}, {{3, 7}, 2}},
                     [](tape&, operands x) { return multiply(x[0], x[1]); });
  const auto y = two.forward();
  for (std::size_t i = 0; i < y.size(); ++i)
    CHECK(y[i] == two.operands[0].values[i] * two.operands[1].values[i]);
  CHECK(two.slope_error() < slope_error_max);
  function_trial square({{{3, 7}, 1}}, [](tape&, operands x) { return multiply(x[0], x[0]); });
  CHECK(square.slope_error() < slope_error_max);
  function_trial apart({{{3, 7}, 1}, {{7, 3}, 2}},
                       [](tape&, operands x) { return multiply(x[0], x[1]); });
  CHECK_THROWS_AS(apart.forward(), contract_error);
}

TEST_CASE("softmax is the share of each exponential in its row", "[ops][softmax]") {
  for (auto [rows, columns] : {std::array<std::int64_t, 2>{1, 1}, {3, 2}, {2, 16}, {5, 65}}) {
    CAPTURE(rows, columns);
    function_trial at({{{rows, columns}, 1}}, [](tape&, operands x) { return softmax(x[0]); });
    for (auto& value : at.operands[0].values) value *= 3;
    CHECK(distance(at.forward(), softmax_reference(at.operands[0].values,
                                                   static_cast<std::size_t>(columns))) < 1e-6);
    if (columns > 1) CHECK(at.slope_error() < slope_error_max);
  }
}

TEST_CASE("softmax of large numbers overflows nowhere, and a NaN stays in its row",
          "[ops][softmax]") {
  const float nan = std::nanf("");
  const operand_values rows(shape{2, 3}, std::vector<float>{1e4F, 1e4F, -1e4F, 0, nan, 0});
  function_trial at({rows}, [](tape&, operands x) { return softmax(x[0]); });
  const auto y = at.forward();
  CHECK(std::vector<float>(y.begin(), y.begin() + 3) == std::vector<float>{0.5F, 0.5F, 0});
  for (std::size_t i = 3; i < 6; ++i) CHECK(std::isnan(y[i]));
}
