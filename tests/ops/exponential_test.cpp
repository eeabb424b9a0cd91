#include "ops/exponential.hpp"
#include "ops/lanes.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace lagrange::ops;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// The largest distance from `wanted`, in units of the last place, over every 8191st float.
template <class Found, class Wanted>
double error_of(Found found, Wanted wanted) {
  double worst = 0;
  for (std::uint64_t bits = 0; bits < (1ULL << 32); bits += 8191) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isnan(x)) {
      if (!std::isnan(found(x))) return infinity;
      continue;
    }
    const double exact = wanted(static_cast<double>(x));
    const auto rounded = static_cast<float>(exact);
    if (std::isinf(rounded)) { // the largest float is next to infinity
      if (found(x) < std::numeric_limits<float>::max()) return infinity;
      continue;
    }
    const int exponent = rounded == 0 ? -126 : std::max(std::ilogb(rounded), -126);
    worst = std::max(worst, std::abs(found(x) - exact) / std::ldexp(1.0, exponent - 23));
  }
  return worst;
}

} // namespace

TEST_CASE("the exponential function and its kin are right to the last places",
          "[ops][exponential]") {
  CHECK(error_of(&exponential, [](double x) { return std::exp(x); }) < 1.1);
  CHECK(error_of(&hyperbolic_tangent, [](double x) { return std::tanh(x); }) < 2);
  CHECK(error_of(&logistic, [](double x) { return 1 / (1 + std::exp(-x)); }) < 2.5);
}

TEST_CASE("where there is no float for it, an exponential is zero or infinite",
          "[ops][exponential]") {
  CHECK(exponential(0) == 1);
  CHECK(exponential(-infinity) == 0);
  CHECK(exponential(89) == infinity);
  CHECK(exponential(infinity) == infinity);
  CHECK(hyperbolic_tangent(infinity) == 1);
  CHECK(hyperbolic_tangent(-infinity) == -1);
  CHECK(logistic(-infinity) == 0);
  CHECK(logistic(infinity) == 1);
}

TEST_CASE("sums and maxima in lanes are those of all elements, whatever their number",
          "[ops][lanes]") {
  for (std::size_t count = 0; count < 70; ++count) {
    std::vector<float> x(count);
    float sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += x[i] = static_cast<float>(i * 37 % 71) - 80;
    CHECK(sum_in_lanes(count, [&](std::size_t i) { return x[i]; }) == sum);
    float largest = -infinity;
    for (const float each : x) largest = std::max(largest, each);
    CHECK(largest_in_lanes(x.data(), count) == largest);
  }
}
