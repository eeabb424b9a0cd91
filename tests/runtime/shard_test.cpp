// Laws of a shard whose policy applies each push as it arrives. Rounds: shard_round_test.cpp.
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;

namespace {

/// The outcome of the only acknowledgement.
push_outcome outcome_of(const shard_effects& effects) {
  REQUIRE(effects.refused.empty());
  REQUIRE(effects.pushes.size() == 1);
  return effects.pushes.front().what.outcome;
}

/// The code of the only answer, a refusal.
errc refusal_of(const shard_effects& effects) {
  REQUIRE(effects.refused.size() == 1);
  CHECK(effects.pulls.empty());
  CHECK(effects.pushes.empty());
  CHECK(effects.entries.empty());
  return effects.refused.front().what.code;
}

std::vector<float> filled(float value) { return std::vector<float>(4, value); }

} // namespace

TEST_CASE("SH-1: the version grows by one with each applied push and stays otherwise",
          "[runtime][shard]") {
  shard_probe shard(shard_of("asp"));
  for (std::uint64_t lease = 0; lease < 5; ++lease) {
    CHECK(shard.version() == lease);
    const auto effects = shard.push(push_of(worker_stamp(0), lease, lease));
    CHECK(outcome_of(effects) == push_outcome::taken);
    CHECK(effects.entries.front().kind == journal_kind::applied);
    CHECK(effects.entries.front().version.value == lease + 1);
  }
  shard.push(push_of(worker_stamp(0), 4, 4));
  auto skipped = push_of(worker_stamp(0), 5, 5);
  skipped.verdict = push_verdict::skip;
  skipped.gradient = {};
  CHECK(shard.push(skipped).entries.front().kind == journal_kind::dropped);
  shard.push(empty_push(worker_stamp(0), 6, push_verdict::tick));
  CHECK(shard.version() == 5);
  CHECK(shard.parameters() == filled(5));
}

TEST_CASE("SH-1: a pull gets the parameters of its version, and keeps them", "[runtime][shard]") {
  shard_probe shard(shard_of("asp"));
  const auto before = shard.pull(pull_of(worker_stamp(0), 0)).pulls.front().what;
  for (std::uint64_t lease = 0; lease < 20; ++lease) {
    shard.push(push_of(worker_stamp(0), lease, lease));
    CHECK(shard.parameters() == filled(static_cast<float>(lease + 1)));
  }
  const auto kept = before.parameters.values<float>();
  CHECK(std::vector<float>(kept.begin(), kept.end()) == filled(0));
}

TEST_CASE(
    "CL-2: a shard that is held admits nothing beyond what it has, until the policy is switched",
    "[runtime][shard][switch]") {
  auto options = shard_of("asp");
  options.find_policy = [](std::string_view spec) { return make_policy(policies(), spec); };
  shard_probe shard(std::move(options));
  for (std::uint64_t clock = 0; clock < 3; ++clock)
    CHECK(shard.pull(pull_of(worker_stamp(0), clock)).pulls.size() == 1);
  switch_order order{stamp_of(actor_role::supervisor), 1, switch_phase::hold, "ssp:0", {}};
  shard_effects effects;
  const auto held = shard.twin.on_switch(order, {}, effects).value();
  CHECK(held.first.value >= 3);
  CHECK(shard.pull(pull_of(worker_stamp(0), held.first.value)).pulls.empty());
  order.phase = switch_phase::commit;
  order.first = held.first;
  REQUIRE(shard.twin.on_switch(order, {}, effects));
  CHECK(effects.pulls.empty()); // the other worker has not begun: ssp:0 lets nobody go ahead
}

TEST_CASE("a pull of what the worker holds is answered without parameters", "[runtime][shard]") {
  shard_probe shard(shard_of("asp"));
  shard.push(push_of(worker_stamp(0), 0, 0));
  auto pull = pull_of(worker_stamp(0), 1);
  pull.held = {1};
  CHECK(shard.pull(pull).pulls.front().what.changed); // held_life 0: holds nothing of this life
  pull.held_life = {1};
  const auto reply = shard.pull(pull).pulls.front().what;
  CHECK_FALSE(reply.changed);
  CHECK(reply.parameters.empty());
  pull.held = {0};
  CHECK(shard.pull(pull).pulls.front().what.changed);
}

TEST_CASE("SH-2: a lease pushed twice is applied once", "[runtime][shard]") {
  shard_probe shard(shard_of("asp"));
  shard.push(push_of(worker_stamp(0), 0, 0, 3));
  auto again = push_of(worker_stamp(0), 0, 0, 3);
  // Its maker is told whether it was this very push that went in: its residual depends on it.
  auto expected = push_outcome::taken;
  SECTION("by the same incarnation") {}
  SECTION("by two incarnations") { again.from = worker_stamp(0, 2); }
  SECTION("by the same worker with a higher attempt") {
    again.what.attempt = {2};
    expected = push_outcome::duplicate;
  }
  SECTION("by another worker with a higher attempt") {
    again.from = worker_stamp(1);
    again.what.attempt = {2};
    expected = push_outcome::duplicate;
  }
  const auto effects = shard.push(again);
  CHECK(outcome_of(effects) == expected);
  CHECK(effects.entries.front().kind == journal_kind::duplicate);
  CHECK(shard.parameters() == filled(3));
  CHECK(shard.version() == 1);
  CHECK(shard.twin.report().duplicates == 1);
  CHECK(shard.twin.next_settlement().leases.size() == 1);
}

TEST_CASE("CL-1: a duplicate moves the clock of its worker all the same", "[runtime][shard]") {
  shard_probe shard(shard_of("ssp:0"));
  shard.push(push_of(worker_stamp(0), 0, 0));
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.empty());
  const auto effects = shard.push(push_of(worker_stamp(1), 0, 0));
  CHECK(effects.pulls.size() == 1);
}

TEST_CASE("SH-2: whoever is fenced has no effect", "[runtime][shard]") {
  shard_probe shard(shard_of("asp"));
  shard.pull(pull_of(worker_stamp(0, 2), 0)); // incarnation 2 is there
  auto from = worker_stamp(0, 1);
  SECTION("a lower incarnation") {}
  SECTION("an incarnation that was declared dead") {
    shard.view(view_of(2, {dead(1, 1)}));
    from = worker_stamp(1, 1);
  }
  SECTION("another job") { (from = worker_stamp(1)).job = {8}; }
  SECTION("a lower term") { (from = worker_stamp(1)).term = {0}; }
  SECTION("a shard in a worker's place") { from = stamp_of(actor_role::shard, 1); }
  CHECK(refusal_of(shard.push(push_of(from, 0, 0))) == errc::fenced);
  CHECK(refusal_of(shard.pull(pull_of(from, 0))) == errc::fenced);
  CHECK(refusal_of(shard.push(empty_push(from, 0, push_verdict::leave))) == errc::fenced);
  CHECK(shard.version() == 0);
}

TEST_CASE("CL-2: a pull beyond the bound is parked until the slowest has moved",
          "[runtime][shard]") {
  shard_probe shard(shard_of("ssp:1"));
  for (std::uint64_t clock = 0; clock < 2; ++clock)
    shard.push(push_of(worker_stamp(0), clock, clock));
  CHECK(shard.pull(pull_of(worker_stamp(0), 2)).pulls.empty());
  CHECK(shard.twin.report().parked == 1);
  SECTION("by a push") {
    const auto effects = shard.push(push_of(worker_stamp(1), 0, 2));
    REQUIRE(effects.pulls.size() == 1);
    CHECK(effects.pulls.front().what.version == shard_version{3}); // CL-1: with what let it go
    CHECK(effects.entries.back().slowest == worker_clock{1});
  }
  SECTION("by a tick") {
    CHECK(shard.push(empty_push(worker_stamp(1), 0, push_verdict::tick)).pulls.size() == 1);
  }
  SECTION("by a leave") {
    CHECK(shard.push(empty_push(worker_stamp(1), 0, push_verdict::leave)).pulls.size() == 1);
  }
  SECTION("by the view that declares it dead") {
    CHECK(shard.view(view_of(2, {live(0, 1), dead(1, 1)})).pulls.size() == 1);
  }
  CHECK(shard.twin.report().parked == 0);
  CHECK(shard.twin.report().lag_max <= 1);
}

TEST_CASE("CL-2: a membership view that arrives late holds nobody back and frees nobody",
          "[runtime][shard]") {
  shard_probe shard(shard_of("ssp:0"));
  shard.push(push_of(worker_stamp(0), 0, 0));
  CHECK(shard.pull(pull_of(worker_stamp(1, 2), 0)).pulls.size() == 1); // back before the view
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.empty());
  const auto late = shard.view(view_of(2, {live(0, 1), dead(1, 1)}));
  CHECK(late.pulls.empty()); // incarnation 2 computes at clock 0: its update is still to come
  CHECK(late.refused.empty());
  CHECK(shard.push(push_of(worker_stamp(1, 2), 0, 1)).pulls.size() == 1);
}

TEST_CASE("CL-2: a view of another term or job is ignored", "[runtime][shard]") {
  shard_probe shard(shard_of("asp"));
  auto view = view_of(2, {dead(0, 1)});
  view.from.term = {2};
  shard.view(view);
  view = view_of(2, {dead(0, 1)});
  view.from.job = {8};
  shard.view(view);
  CHECK(shard.twin.view() == view_number{0});
  CHECK(shard.pull(pull_of(worker_stamp(0), 0)).pulls.size() == 1);
}

TEST_CASE("CL-1: a pull sent ahead waits for its own worker's clock as for any other",
          "[runtime][shard]") {
  shard_probe shard(shard_of("ssp:1", 1));
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.size() == 1); // one ahead: within the bound
  CHECK(shard.pull(pull_of(worker_stamp(0), 2)).pulls.empty());
  CHECK(shard.push(push_of(worker_stamp(0), 0, 0)).pulls.size() == 1);
}

TEST_CASE("BP-1: a worker has one parked pull; the one before it is refused", "[runtime][shard]") {
  shard_probe shard(shard_of("ssp:0"));
  shard.push(push_of(worker_stamp(0), 0, 0));
  for (int i = 0; i < 50; ++i) {
    const auto effects = shard.pull(pull_of(worker_stamp(0), 1));
    CHECK(effects.refused.size() == (i == 0 ? 0U : 1U));
    if (i > 0) CHECK(effects.refused.front().to.value + 1 == shard.next.value - 1);
    if (i > 0) CHECK(effects.refused.front().what.code == errc::timed_out);
  }
  CHECK(shard.twin.report().parked == 1);
  CHECK(shard.push(push_of(worker_stamp(1), 0, 1)).pulls.size() == 1);
}

TEST_CASE("EN-1: no pull of a worker that leaves or dies is left hanging", "[runtime][shard]") {
  shard_probe shard(shard_of("ssp:0"));
  shard.push(push_of(worker_stamp(0), 0, 0));
  shard.pull(pull_of(worker_stamp(0), 1));
  SECTION("it leaves") {
    const auto effects = shard.push(empty_push(worker_stamp(0), 1, push_verdict::leave));
    CHECK(effects.refused.size() == 1);
    CHECK(refusal_of(shard.pull(pull_of(worker_stamp(0), 1))) == errc::timed_out); // overtaken
  }
  SECTION("it dies") {
    const auto effects = shard.view(view_of(2, {dead(0, 1), live(1, 1)}));
    REQUIRE(effects.refused.size() == 1);
    CHECK(effects.refused.front().what.code == errc::fenced);
  }
  CHECK(shard.twin.report().parked == 0);
}

TEST_CASE("LE-1: a settlement is repeated until it is acknowledged, and each lease told once",
          "[runtime][shard]") {
  shard_probe shard(shard_of("asp"));
  CHECK(shard.twin.next_settlement().leases.empty());
  shard.push(push_of(worker_stamp(0), 0, 0));
  const auto one = shard.twin.next_settlement();
  shard.push(push_of(worker_stamp(0), 1, 1));
  CHECK(shard.twin.next_settlement().leases.size() == 1);
  CHECK(shard.twin.next_settlement().sequence == one.sequence);
  shard.twin.on_settlement_ack({one.from, one.sequence + 1}); // of something else
  CHECK(shard.twin.next_settlement().sequence == one.sequence);
  shard.twin.on_settlement_ack({one.from, one.sequence});
  const auto two = shard.twin.next_settlement();
  REQUIRE(two.leases.size() == 1);
  CHECK(two.leases.front().what == lease_id{1});
  shard.twin.on_settlement_ack({one.from, one.sequence}); // the first once more
  CHECK(shard.twin.next_settlement().leases.size() == 1);
  shard.twin.on_settlement_ack({two.from, two.sequence});
  CHECK(shard.twin.next_settlement().leases.empty());
}

TEST_CASE("the report counts staleness, duplicates and drops", "[runtime][shard]") {
  shard_probe shard(shard_of("asp", 2));
  shard.pull(pull_of(worker_stamp(0), 0));
  for (std::uint64_t lease = 0; lease < 3; ++lease)
    shard.push(push_of(worker_stamp(0), lease, lease)); // all read at version 0
  const auto report = shard.twin.report();
  CHECK(report.applied == 3);
  CHECK(report.entered == 3);
  CHECK(std::vector(report.staleness.begin(), report.staleness.begin() + 4) ==
        std::vector<std::uint64_t>{1, 1, 1, 0});
  CHECK(report.staleness_recent == std::vector<std::uint64_t>{2, 0});
}

TEST_CASE("clip scale multiplies the gradient that is applied", "[runtime][shard]") {
  shard_probe shard(shard_of("asp"));
  auto push = push_of(worker_stamp(0), 0, 0, 8);
  push.clip_scale = 0.5F;
  shard.push(push);
  CHECK(shard.parameters() == filled(4));
}

} // namespace lagrange::tests
