#include "ops/exponential.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace lagrange::ops;

TEST_CASE("the exponential is right to two units in the last place", "[ops][exponential]") {
  double worst = 0;
  for (double x = -87.3; x < 88.3; x += 0.00137) {
    const auto at = static_cast<float>(x);
    const double wanted = std::exp(static_cast<double>(at));
    worst = std::max(worst, std::abs(exponential(at) - wanted) / wanted);
  }
  CHECK(worst < 2 * 0x1p-23);
  CHECK(exponential(0) == 1);
}

TEST_CASE("the exponential ends in nothing, infinity, or what is no number", "[ops][exponential]") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  CHECK(exponential(-infinity) == 0);
  CHECK(exponential(-88) == 0);
  CHECK(exponential(89) == infinity);
  CHECK(exponential(infinity) == infinity);
  CHECK(std::isnan(exponential(std::nanf(""))));
  CHECK(logistic(-infinity) == 0);
  CHECK(logistic(infinity) == 1);
  CHECK(logistic(0) == 0.5F);
}
