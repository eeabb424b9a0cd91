#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;

namespace {

bool admits(std::string_view spec, std::uint64_t clock, std::uint64_t slowest) {
  return policy_of(spec)->admits({{clock}, {slowest}, 2, {}, {}});
}

/// The error for a spec that must be refused.
std::string refusal(std::string_view spec) {
  const auto made = make_policy(policies(), spec);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == errc::bad_argument);
  return made.error().text;
}

} // namespace

TEST_CASE("CL-2: a pull is admitted exactly up to the policy's bound", "[runtime][staleness]") {
  struct row {
    const char* spec;
    std::optional<std::uint64_t> bound;
    arrival arrivals;
  };
  const auto& [spec, bound, arrivals] = GENERATE(values<row>({{"bsp", 0, arrival::round},
                                                              {"ssp:0", 0, arrival::each},
                                                              {"ssp:1", 1, arrival::each},
                                                              {"ssp:7", 7, arrival::each},
                                                              {"asp", {}, arrival::each}}));
  CHECK(policy_of(spec)->bound() == bound);
  CHECK(policy_of(spec)->arrivals() == arrivals);
  for (std::uint64_t slowest = 0; slowest < 20; ++slowest)
    for (std::uint64_t clock = 0; clock < 40; ++clock)
      CHECK(admits(spec, clock, slowest) == (!bound || clock <= slowest + *bound));
}

TEST_CASE("a policy admits more when the slowest moves on, never less", "[runtime][staleness]") {
  for (const auto* spec : {"bsp", "ssp:2", "asp"})
    for (std::uint64_t slowest = 0; slowest < 20; ++slowest)
      for (std::uint64_t clock = 0; clock < 40; ++clock)
        if (admits(spec, clock, slowest)) CHECK(admits(spec, clock, slowest + 1));
}

TEST_CASE("a policy that does not exist is refused with the nearest name", "[runtime][staleness]") {
  using Catch::Contains;
  CHECK_THAT(refusal("spp:3"), Contains("unknown policy \"spp:3\"") && Contains("did you mean") &&
                                   Contains("\"ssp\"") && Contains("bsp, ssp:BOUND, asp"));
  CHECK_THAT(refusal(""), Contains("expected one of bsp, ssp:BOUND, asp"));
  CHECK_THAT(refusal("quantum"), !Contains("did you mean"));
}

TEST_CASE("a policy with wrong arguments is refused with what was expected",
          "[runtime][staleness]") {
  using Catch::Contains;
  for (const auto* spec : {"ssp", "ssp:1:2", "ssp:1:"})
    CHECK_THAT(refusal(spec), Contains(spec) && Contains("expected ssp:BOUND"));
  CHECK_THAT(refusal("bsp:3"), Contains("bsp:3") && Contains("expected bsp"));
  for (const auto* bound :
       {"-1", "x", "", "1x", " 1", "+1", "1.5", "1000001", "18446744073709551616"})
    CHECK_THAT(refusal(std::string("ssp:") + bound),
               Contains("bound of policy ssp is \"" + std::string(bound) + "\"") &&
                   Contains("from 0 to 1000000"));
  CHECK(make_policy(policies(), "ssp:1000000"));
}

} // namespace lagrange::tests
