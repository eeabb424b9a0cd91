#include "ops/norm.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace lagrange;
using namespace lagrange::ops;

TEST_CASE("a sum of squares is exact where doubles are", "[ops][norm]") {
  for (std::size_t count : {0, 1, 31, 32, 33, 1000}) {
    std::vector<float> x;
    double wanted = 0;
    for (std::size_t i = 0; i < count; ++i) {
      x.push_back(static_cast<float>(i) - 200);
      wanted += static_cast<double>(x.back()) * x.back();
    }
    CHECK(sum_of_squares(x) == wanted);
  }
}

TEST_CASE("a sum of squares is in the order of 32 lanes, to the bit", "[ops][norm]") {
  const auto x = tests::numbers(100'003, 1);
  std::vector<double> lanes(32);
  for (std::size_t i = 0; i < x.size(); ++i)
    lanes[i % 32] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double wanted = 0;
  for (const double lane : lanes) wanted += lane;
  CHECK(sum_of_squares(x) == wanted);
}

TEST_CASE("a sum of squares of floats does not overflow, and shows what is not finite",
          "[ops][norm]") {
  std::vector<float> x(100, std::numeric_limits<float>::max());
  CHECK(std::isfinite(sum_of_squares(x)));
  for (const float wrong : {INFINITY, -INFINITY, NAN})
    for (std::size_t at : {0, 50, 99}) {
      auto broken = x;
      broken[at] = wrong;
      CHECK_FALSE(std::isfinite(sum_of_squares(broken)));
    }
}
