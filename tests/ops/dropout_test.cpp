#include "function_trial.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lagrange;
using namespace lagrange::ops;
using tests::function_trial;

namespace {

using operands = std::span<const variable>;

function_trial dropout_trial(std::int64_t count, float share) {
  return {{{{count}, std::vector<float>(static_cast<std::size_t>(count), 1.0F)}},
          [share](tape&, operands x) { return dropout(x[0], share); }};
}

} // namespace

TEST_CASE("dropout drops its share and makes up for it", "[ops][dropout]") {
  for (const float share : {0.0F, 0.1F, 0.5F, 0.9F}) {
    auto at = dropout_trial(100'000, share);
    const auto y = at.forward();
    const auto count = std::ranges::count(y, 0.0F);
    CHECK(std::abs(static_cast<double>(count) / 1e5 - static_cast<double>(share)) < 0.01);
    CHECK(std::ranges::all_of(
        y, [=](float each) { return each == 0 || each == Approx(1 / (1 - share)); }));
  }
}

TEST_CASE("what dropout drops depends on the pass's key and the place alone", "[ops][dropout]") {
  auto at = dropout_trial(1000, 0.5F);
  const auto once = at.forward();
  CHECK(at.forward() == once);
  at.key = 1;
  CHECK(at.forward() != once);
  // The first places do not know how many follow.
  const auto longer = dropout_trial(5000, 0.5F).forward();
  CHECK(std::equal(once.begin(), once.end(), longer.begin()));
  // The mask of two layers is not the same.
  function_trial two(at.operands,
                     [](tape&, operands x) { return dropout(dropout(x[0], 0.5F), 0.5F); });
  const auto y = two.forward();
  CHECK(std::abs(std::ranges::count(y, 0.0F) - 750) < 60);
}

TEST_CASE("dropout gives gradients to what it kept", "[ops][dropout]") {
  auto at = dropout_trial(1000, 0.3F);
  at.key = 5;
  CHECK(at.gradients(std::vector<float>(1000, 1.0F))[0] == at.forward());
}

TEST_CASE("evaluation drops nothing", "[ops][dropout]") {
  auto at = dropout_trial(1000, 0.3F);
  CHECK(at.forward(pass_mode::evaluation) == at.operands[0].values);
  CHECK_THROWS_AS(dropout_trial(3, 1).forward(), contract_error);
}
