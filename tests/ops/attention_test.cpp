// Attention, held against the loop that it is defined by.
#include "function_trial.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>

using namespace lagrange;
using namespace lagrange::ops;
using tests::distance;
using tests::function_trial;

namespace {

constexpr double slope_error_max = 2e-3;

struct attention_case {
  std::int64_t batch, length, heads, width;
  attention_mask mask;
};

// More and less than a block of queries, whole blocks and parts of one, one of everything.
const std::vector<attention_case> cases{
    {2, 7, 2, 4, attention_mask::none},      {2, 7, 2, 4, attention_mask::causal},
    {1, 1, 1, 1, attention_mask::causal},    {3, 5, 4, 1, attention_mask::causal},
    {1, 64, 3, 5, attention_mask::causal},   {2, 65, 2, 8, attention_mask::causal},
    {1, 130, 1, 16, attention_mask::causal}, {1, 130, 2, 16, attention_mask::none},
    {2, 128, 4, 32, attention_mask::causal},
};

function_trial attention_trial(const attention_case& at) {
  return {{{{at.batch, at.length, 3 * at.heads * at.width}, 3}},
          [at](tape&, std::span<const variable> x) { return attention(x[0], at.heads, at.mask); }};
}

// One row of results: the query at [b, t] of head h.
std::vector<double> attended(const std::vector<float>& qkv, const attention_case& at,
                             std::int64_t b, std::int64_t t, std::int64_t h) {
  const auto columns = at.heads * at.width;
  const auto number = [&](std::int64_t third, std::int64_t row, std::int64_t d) -> double {
    const auto place = ((b * at.length + row) * 3 + third) * columns + h * at.width + d;
    return qkv[static_cast<std::size_t>(place)];
  };
  std::vector<double> y(static_cast<std::size_t>(at.width));
  const auto seen = at.mask == attention_mask::causal ? t + 1 : at.length;
  double sum = 0;
  for (std::int64_t s = 0; s < seen; ++s) {
    double score = 0;
    for (std::int64_t d = 0; d < at.width; ++d) score += number(0, t, d) * number(1, s, d);
    const double weight = std::exp(score / std::sqrt(static_cast<double>(at.width)));
    sum += weight;
    for (std::int64_t d = 0; d < at.width; ++d)
      y[static_cast<std::size_t>(d)] += weight * number(2, s, d);
  }
  for (double& each : y) each /= sum;
  return y;
}

std::vector<double> attention_reference(const std::vector<float>& qkv, const attention_case& at) {
  std::vector<double> y;
  for (std::int64_t b = 0; b < at.batch; ++b)
    for (std::int64_t t = 0; t < at.length; ++t)
      for (std::int64_t h = 0; h < at.heads; ++h)
        std::ranges::copy(attended(qkv, at, b, t, h), std::back_inserter(y));
  return y;
}

} // namespace

TEST_CASE("attention is the loop it is defined by", "[ops][attention]") {
  for (const auto& each : cases)
    for (auto mode : {pass_mode::training, pass_mode::evaluation}) {
      CAPTURE(each.batch, each.length, each.heads, each.width, static_cast<int>(each.mask));
      auto at = attention_trial(each);
      for (auto& x : at.operands[0].values) x *= 3; // so that weights differ
      CHECK(distance(at.forward(mode), attention_reference(at.operands[0].values, each)) < 1e-5);
    }
}

TEST_CASE("the gradients of attention are slopes", "[ops][attention]") {
  for (const auto& each : std::span(cases).first(cases.size() - 1)) {
    CAPTURE(each.batch, each.length, each.heads, each.width, static_cast<int>(each.mask));
    CHECK(attention_trial(each).slope_error() < slope_error_max);
  }
}

TEST_CASE("under a causal mask nothing that comes later matters, however large",
          "[ops][attention]") {
  const attention_case of{1, 130, 2, 8, attention_mask::causal};
  for (std::int64_t kept : {1, 63, 64, 100}) {
    CAPTURE(kept);
    auto at = attention_trial(of);
    const auto first = static_cast<std::size_t>(kept * 3 * of.heads * of.width);
    const auto results = static_cast<std::size_t>(kept * of.heads * of.width);
    auto before = at.forward();
    std::fill(at.operands[0].values.begin() + static_cast<std::ptrdiff_t>(first),
              at.operands[0].values.end(), 1e30F);
    auto after = at.forward();
    before.resize(results), after.resize(results);
    CHECK(before == after);
  }
}

TEST_CASE("attention survives scores that overflow an exponential", "[ops][attention]") {
  // Both heads of width one: the score of position s is 100 * x[s].
  const attention_case of{1, 3, 1, 1, attention_mask::none};
  auto at = attention_trial(of);
  at.operands[0].values = {100, 1, 5, 100, 2, 6, 100, 3, 7};
  CHECK(distance(at.forward(), std::vector<double>{7, 7, 7}) < 1e-6);
}

TEST_CASE("attention computes the same bits twice", "[ops][attention]") {
  auto at = attention_trial(cases.back());
  const auto y = at.forward();
  CHECK(at.forward() == y);
  const auto d_y = tests::numbers(std::ssize(y), 4);
  const auto d = at.gradients(d_y);
  CHECK(at.gradients(d_y) == d);
  CHECK(attention_trial(cases.back()).gradients(d_y) == d);
}

TEST_CASE("attention of columns that its heads do not divide is a bug", "[ops][attention]") {
  for (std::int64_t columns : {11, 9, 0})
    CHECK_THROWS_AS(
        function_trial({{{2, 3, columns}, 1}},
                       [](tape&, std::span<const variable> x) { return attention(x[0], 2); })
            .forward(),
        contract_error);
}
