// Every policy of the table through thousands of seeded schedules, and two broken policies that
// show that the kit bites.
#include "runtime/conformance/policy_trial.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

namespace {

using namespace runtime;

constexpr std::uint64_t schedules = 300;

template <class Policy>
result<std::unique_ptr<staleness_policy>> make(std::span<const std::string_view>) {
  return std::unique_ptr<staleness_policy>(std::make_unique<Policy>());
}

/// Promises a bound of 1 and admits 2.
class lax final : public staleness_policy {
public:
  bool admits(const admission& pull) const override {
    return pull.clock.value <= pull.slowest.value + 2;
  }
  std::optional<std::uint64_t> bound() const override { return 1; }
};

/// Looks at the wrong clock: the slowest is never waited for while it is far behind.
class hasty final : public staleness_policy {
public:
  bool admits(const admission& pull) const override {
    return pull.clock.value <= pull.slowest.value + pull.workers;
  }
  std::optional<std::uint64_t> bound() const override { return 0; }
  arrival arrivals() const override { return arrival::round; }
};

/// Once one worker has moved, it waits for the others to be ahead of it.
class starving final : public staleness_policy {
public:
  bool admits(const admission& pull) const override {
    return pull.clock.value == 0 || pull.clock < pull.slowest;
  }
  std::optional<std::uint64_t> bound() const override { return 0; }
};

std::string breach_of(const policy_row& row, std::string_view spec) {
  const auto found = find_breach({&row, 1}, spec, 1, schedules);
  return found ? to_string(*found) : "";
}

} // namespace

TEST_CASE("CL-1, CL-2, SH-1, SH-2, LE-1, EN-1: every policy keeps them under faults and deaths",
          "[runtime][staleness]") {
  for (const auto& row : policies()) {
    const auto specs = specs_of(row);
    CHECK_FALSE(specs.empty());
    for (const auto& spec : specs) CHECK(breach_of(row, spec) == "");
  }
}

TEST_CASE("CL-2: the kit finds a policy that admits too much", "[runtime][staleness]") {
  const policy_row row{"lax", "", "", make<lax>};
  CHECK_THAT(breach_of(row, "lax"), Catch::StartsWith("CL-2 is broken by seed"));
  const policy_row rounds{"hasty", "", "", make<hasty>};
  CHECK_THAT(breach_of(rounds, "hasty"), Catch::StartsWith("CL-2"));
}

TEST_CASE("EN-1: the kit finds a policy that starves", "[runtime][staleness]") {
  const policy_row row{"starving", "", "", make<starving>};
  CHECK_THAT(breach_of(row, "starving"), Catch::StartsWith("EN-1"));
}

} // namespace lagrange::tests
