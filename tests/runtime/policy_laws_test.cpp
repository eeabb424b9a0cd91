// The laws of the policies that look at more than the slowest clock, by hand; and of the weights.
#include "runtime/staleness/policy.hpp"
#include "runtime/staleness/weight.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <set>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<staleness_policy> policy(std::string_view spec) {
  return make_policy(policies(), spec).value();
}

/// A pull of worker 0 among these, asked for now.
admission pull_of(std::span<const live_clock> live, std::uint64_t clock, time_point now,
                  std::uint64_t draw = 0) {
  admission made;
  made.clock = {clock};
  made.slowest = std::ranges::min(live, {}, &live_clock::clock).clock;
  made.workers = live.size();
  made.asked = made.now = now;
  made.worker = {0};
  made.live = live;
  made.draw = draw;
  return made;
}

std::string refusal(std::string_view spec) { return make_policy(policies(), spec).error().text; }

} // namespace

TEST_CASE("dssp admits up to LOW whatever the paces, and nothing beyond HIGH",
          "[runtime][staleness]") {
  const auto tried = policy("dssp:1:3");
  CHECK(tried->bound() == 3);
  for (const auto pace : {0ms, 1ms, 50ms}) {
    const live_clock live[] = {{{0}, {1}, at(100ms), 10ms}, {{1}, {0}, at(100ms), pace}};
    CHECK(tried->admits(pull_of(live, 1, at(100ms))));
    CHECK_FALSE(tried->admits(pull_of(live, 4, at(100ms))));
  }
}

TEST_CASE("dssp lets a worker go on where it would only wait, and stop where the slowest is due",
          "[runtime][staleness]") {
  const auto tried = policy("dssp:0:3");
  // The slowest pushed at 100 ms and takes 35: it is due at 135. Steps of 10 ms from 100 on end at
  // 110, 120 and 130, after which 25, 15 and 5 ms would be waited: three more are best.
  const live_clock early[] = {{{0}, {1}, at(100ms), 10ms}, {{1}, {0}, at(100ms), 35ms}};
  CHECK(tried->admits(pull_of(early, 1, at(100ms))));
  // At 134 ms it is due in 1 ms; after one step more, at 144, the next push is 26 ms away.
  CHECK_FALSE(tried->admits(pull_of(early, 1, at(134ms))));
}

TEST_CASE("dssp is ssp:LOW until it knows how long steps take", "[runtime][staleness]") {
  const live_clock live[] = {{{0}, {1}, at(100ms), 0ms}, {{1}, {0}, {}, 0ms}};
  CHECK_FALSE(policy("dssp:0:3")->admits(pull_of(live, 1, at(100ms))));
}

TEST_CASE("psp waits for the drawn alone, and for as many as it says", "[runtime][staleness]") {
  std::vector<live_clock> live;
  for (std::uint32_t i = 0; i < 9; ++i) live.push_back({{i}, {i == 0 ? 5U : 4U}, {}, {}});
  const auto share_waiting = [&](const char* spec, std::uint32_t behind) {
    for (std::uint32_t i = 1; i < 9; ++i) live[i].clock = {i <= behind ? 4U : 5U};
    int waiting = 0;
    for (std::uint64_t draw = 0; draw < 4000; ++draw)
      waiting += !policy(spec)->admits(pull_of(live, 5, {}, draw * 977));
    return waiting / 4000.0;
  };
  CHECK(share_waiting("psp:0", 8) == 0); // asp
  CHECK(share_waiting("psp:8", 1) == 1); // ssp:0
  CHECK(share_waiting("psp:3", 0) == 0);
  CHECK(share_waiting("psp:2", 1) == Approx(2 / 8.0).margin(0.03)); // one of eight is among two
  // Of two behind, neither is among the two drawn with 6/8 * 5/7.
  CHECK(share_waiting("psp:2", 2) == Approx(1 - 6 / 8.0 * 5 / 7.0).margin(0.03));
}

TEST_CASE("RE-1: psp draws the same ones whenever it is asked again", "[runtime][staleness]") {
  const live_clock live[] = {{{0}, {5}, {}, {}}, {{1}, {4}, {}, {}}, {{2}, {5}, {}, {}}};
  for (std::uint64_t draw = 0; draw < 100; ++draw)
    CHECK(policy("psp:1")->admits(pull_of(live, 5, at(1ms), draw)) ==
          policy("psp:1")->admits(pull_of(live, 5, at(9s), draw)));
}

TEST_CASE("a policy's arguments are refused with what was expected", "[runtime][staleness]") {
  CHECK(refusal("dssp:3") == "policy \"dssp:3\" has 1 argument, expected dssp:LOW:HIGH");
  CHECK(refusal("dssp:3:2") ==
        "HIGH of policy dssp is \"2\", expected a whole number from 3 to 1000000");
  CHECK(refusal("psp:x") ==
        "BETA of policy psp is \"x\", expected a whole number from 0 to 1000000");
}

TEST_CASE("a weight is 1 for what is not late, and never grows", "[runtime][staleness]") {
  for (const char* spec : {"none", "inverse", "exponential:0.1", "exponential:0"}) {
    INFO(spec);
    const auto weight = make_weight(weights(), spec).value();
    CHECK(weight->of(0) == 1);
    for (std::uint64_t late = 0; late < 100; ++late)
      CHECK(weight->of(late + 1) <= weight->of(late));
    CHECK(weight->of(1'000'000) >= 0);
  }
  CHECK(make_weight(weights(), "inverse").value()->of(4) == 0.25);
  CHECK(make_weight(weights(), "exponential:0.5").value()->of(4) == Approx(std::exp(-2.0)));
  CHECK(make_weight(weights(), "exponential:-1").error().text ==
        "RATE of weight exponential is \"-1\", expected a number from 0 to 100");
  CHECK(
      make_weight(weights(), "inverted").error().text ==
      "unknown weight \"inverted\", expected one of none, inverse, exponential:RATE; did you mean "
      "\"inverse\"?");
}

TEST_CASE("a shard multiplies a late gradient by its weight", "[runtime][staleness][shard]") {
  auto options = shard_of("asp", 2, 1);
  options.parameters.weight = make_weight(weights(), "inverse").value();
  shard_probe shard(std::move(options));
  const auto step = [&](std::uint64_t lease, std::uint64_t read) {
    const auto before = shard.parameters().front();
    auto push = push_of(worker_stamp(0), lease, lease, 1, 1);
    push.read = {read};
    shard.push(push);
    return shard.parameters().front() - before;
  };
  const auto whole = step(0, 0);
  CHECK(whole != 0);
  step(1, 1);
  step(2, 2);
  step(3, 3);
  CHECK(step(4, 0) == Approx(whole / 4)); // four versions late
  CHECK(step(5, 5) == Approx(whole));
}

} // namespace lagrange::tests
