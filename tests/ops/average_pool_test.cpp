#include "function_trial.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

using namespace lagrange;
using namespace lagrange::ops;
using tests::distance;
using tests::function_trial;

namespace {

constexpr double slope_error_max = 2e-3;
using operands = std::span<const variable>;

function_trial pool_trial(const shape& x, const window& how) {
  return {{{x, 1}}, [how](tape&, operands of) { return average_pool(of[0], how); }};
}

std::vector<double> reference(std::span<const float> x, const shape& of, const window& how) {
  std::vector<double> y;
  const auto h_out = how.steps(of[1]), w_out = how.steps(of[2]);
  for (std::int64_t i = 0; i < of[0] * h_out * w_out * of[3]; ++i) {
    const auto c = i % of[3], w = i / of[3] % w_out, h = i / of[3] / w_out % h_out;
    const auto b = i / of[3] / w_out / h_out;
    double sum = 0, count = 0;
    for (std::int64_t r = h * how.stride - how.padding, k = 0; k < how.side; ++k, ++r)
      for (std::int64_t s = w * how.stride - how.padding, l = 0; l < how.side; ++l, ++s) {
        if (r < 0 || s < 0 || r >= of[1] || s >= of[2]) continue;
        sum += static_cast<double>(
            x[static_cast<std::size_t>(((b * of[1] + r) * of[2] + s) * of[3] + c)]);
        ++count;
      }
    y.push_back(sum / count);
  }
  return y;
}

} // namespace

TEST_CASE("average pooling is the loop it is defined by, and its gradients slopes",
          "[ops][average_pool]") {
  for (const auto& [x, how] : std::vector<std::pair<shape, window>>{{{3, 8, 8, 6}, {2, 2}},
                                                                    {{2, 7, 9, 3}, {3, 2, 1}},
                                                                    {{1, 4, 4, 1}, {4, 1}},
                                                                    {{2, 5, 5, 17}, {3, 1, 2}},
                                                                    {{2, 1, 2, 4}, {3, 2, 1}}}) {
    CAPTURE(to_string(x), how.side, how.stride, how.padding);
    auto at = pool_trial(x, how);
    CHECK(distance(at.forward(), reference(at.operands[0].values, x, how)) < 1e-6);
    CHECK(at.slope_error() < slope_error_max);
  }
}

TEST_CASE("global average pooling is average pooling with a window of all pixels",
          "[ops][average_pool]") {
  function_trial all({{{3, 8, 8, 64}, 1}},
                     [](tape&, operands x) { return global_average_pool(x[0]); });
  auto window = pool_trial({3, 8, 8, 64}, {8});
  CHECK(all.forward() == window.forward());
  CHECK(all.slope_error() < slope_error_max);
}

TEST_CASE("a window that could see padding alone is a bug and told as one", "[ops][average_pool]") {
  CHECK_THROWS_AS(pool_trial({1, 4, 4, 1}, {2, 2, 2}).forward(), contract_error);
  CHECK_THROWS_AS(pool_trial({1, 4, 4, 1}, {5, 1}).forward(), contract_error);
  CHECK_THROWS_AS(pool_trial({4, 4, 1}, {2, 2}).forward(), contract_error);
}
