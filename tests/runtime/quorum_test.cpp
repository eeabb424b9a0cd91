// Rounds that do not wait for all: what the feeder decides, and what a shard makes of it.
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

constexpr auto kept = lease_outcome::kept;

/// A feeder for four workers and two shards, whose rounds wait for three and 50 ms.
struct quorum_probe {
  explicit quorum_probe(std::uint64_t samples = 40) : twin(options_of(samples)) {}
  feeder twin;
  std::map<std::uint32_t, std::uint64_t> sequences;

  static feeder_options options_of(std::uint64_t samples) {
    feeder_options made;
    made.self = stamp_of(actor_role::feeder);
    made.samples = samples;
    made.workers = 4;
    made.shards = 2;
    made.rule.round_size = 4;
    made.rule.quorum = round_quorum{3, 50ms};
    return made;
  }
  feeder_effects ask(std::uint32_t worker, std::uint64_t clock,
                     standing state = standing::working) {
    return twin.on_request(request_of(worker_stamp(worker), ++sequences[worker], clock, state),
                           {worker});
  }
  /// The lease that is dealt at once.
  std::uint64_t deal(std::uint32_t worker, std::uint64_t clock,
                     standing state = standing::working) {
    const auto effects = ask(worker, clock, state);
    REQUIRE(effects.grants.size() == 1);
    REQUIRE(effects.grants.front().grant.kind == grant_kind::batch);
    return effects.grants.front().grant.what.id.value;
  }
  feeder_effects settle(std::uint32_t shard, std::uint64_t lease, lease_outcome outcome,
                        std::chrono::milliseconds now = 0ms) {
    return twin.on_settlement(settlement_of(shard, {{{lease}, {1}, outcome}}), at(now));
  }
  /// The push has come to both shards.
  feeder_effects arrive(std::uint64_t lease, std::chrono::milliseconds now) {
    settle(0, lease, kept, now);
    return settle(1, lease, kept, now);
  }
  void ask_how(std::uint64_t round) {
    for (const std::uint32_t shard : {0, 1})
      REQUIRE(twin.on_round_request({stamp_of(actor_role::shard, shard), round}).closings.empty());
  }
};

std::vector<std::uint64_t> values(const std::vector<lease_id>& ids) {
  std::vector<std::uint64_t> made;
  for (const auto id : ids) made.push_back(id.value);
  return made;
}

} // namespace

TEST_CASE("quorum: a round is closed a grace after enough of its leases are on every shard",
          "[runtime][staleness]") {
  quorum_probe job;
  for (const std::uint32_t worker : {0, 1, 2, 3}) job.deal(worker, 0, standing::joining);
  job.ask_how(0);
  CHECK(job.arrive(0, 10ms).closings.empty());
  CHECK(job.arrive(3, 20ms).closings.empty());
  CHECK_FALSE(job.settle(0, 1, kept, 30ms).wake_after); // not on shard 1 yet
  const auto enough = job.settle(1, 1, kept, 31ms);
  CHECK(enough.wake_after == 50ms);
  CHECK(enough.closings.empty());
  CHECK(job.twin.on_wake(at(80ms)).closings.empty());
  const auto closed = job.twin.on_wake(at(81ms)).closings;
  REQUIRE(closed.size() == 2); // each shard that asked
  CHECK(values(closed[0].second.members) == std::vector<std::uint64_t>{0, 1, 3});
  CHECK(values(closed[0].second.excluded) == std::vector<std::uint64_t>{2});
  CHECK(job.arrive(2, 90ms).closings.empty()); // too late
  const auto again = job.twin.on_round_request({stamp_of(actor_role::shard, 1), 0}).closings;
  REQUIRE(again.size() == 1); // the answer may get lost
  CHECK(again[0].second.excluded == closed[0].second.excluded);
}

TEST_CASE("quorum: a round in which all are in is closed at once", "[runtime][staleness]") {
  quorum_probe job;
  for (const std::uint32_t worker : {0, 1, 2, 3}) job.deal(worker, 0, standing::joining);
  job.ask_how(0);
  for (const std::uint64_t lease : {0, 1, 2}) job.arrive(lease, 1ms);
  const auto closed = job.arrive(3, 2ms).closings;
  REQUIRE(closed.size() == 2);
  CHECK(closed[0].second.members.size() == 4);
  CHECK(closed[0].second.excluded.empty());
}

TEST_CASE("LE-1 quorum: the next round opens when all shards have settled this one, and the one "
          "who was late is dealt in at its clock",
          "[runtime][staleness]") {
  quorum_probe job;
  for (const std::uint32_t worker : {0, 1, 2, 3}) job.deal(worker, 0, standing::joining);
  job.ask_how(0);
  for (const std::uint64_t lease : {0, 1, 2}) job.arrive(lease, 1ms);
  CHECK(job.ask(0, 1).grants.empty()); // it has had its lease in this round
  job.twin.on_wake(at(51ms));
  for (const std::uint64_t lease : {0, 1, 2})
    for (const std::uint32_t shard : {0, 1}) job.settle(shard, lease, lease_outcome::applied);
  CHECK(job.settle(0, 3, lease_outcome::dropped).grants.empty());
  const auto opened = job.settle(1, 3, lease_outcome::dropped);
  REQUIRE(opened.grants.size() == 1); // worker 0 waited
  CHECK(opened.grants[0].grant.what.round == 1);
  CHECK(job.twin.report().dropped == 1);
  CHECK(job.twin.report().applied == 3);
  const auto late = job.ask(3, 1);
  REQUIRE(late.grants.size() == 1);
  CHECK(late.grants[0].grant.what.round == 1);
  CHECK(late.grants[0].grant.clock.value == 1);
}

TEST_CASE("quorum: who is quick gets no second lease while others have had none",
          "[runtime][staleness]") {
  quorum_probe job;
  job.deal(0, 0, standing::joining);
  job.arrive(0, 1ms);
  CHECK(job.ask(0, 1).grants.empty());
  job.deal(1, 0, standing::joining);
}

TEST_CASE("EN-1 quorum: with fewer live workers than it needs, they are dealt more",
          "[runtime][staleness]") {
  quorum_probe job;
  job.deal(0, 0, standing::joining);
  job.deal(1, 0, standing::joining);
  job.ask_how(0);
  job.twin.on_view(view_of(2, {live(0, 1), dead(1, 1), dead(2, 1), dead(3, 1)}), at(1ms));
  job.arrive(0, 2ms);
  CHECK(job.deal(0, 1) == 1); // that of the dead one first
  job.arrive(1, 3ms);
  CHECK(job.deal(0, 1) == 2);
  const auto closed = job.arrive(2, 4ms).closings;
  REQUIRE(closed.size() == 2); // nobody is left who could bring another
  CHECK(closed[0].second.members.size() == 3);
}

TEST_CASE("EN-1 quorum: the last leases of a job make a round however few they are",
          "[runtime][staleness]") {
  quorum_probe job(1);
  job.deal(0, 0, standing::joining);
  job.ask_how(0);
  CHECK(job.arrive(0, 1ms).closings.size() == 2);
  for (const std::uint32_t shard : {0, 1}) job.settle(shard, 0, lease_outcome::applied);
  CHECK(job.twin.is_finished());
}

TEST_CASE("SH-2 quorum: a shard sums the members and refuses what was left out",
          "[runtime][staleness]") {
  shard_probe shard(shard_of("quorum:2:0ms", 3));
  const auto push = [&](std::uint32_t worker, std::uint64_t lease, float value) {
    return shard.push(in_round(push_of(worker_stamp(worker), 0, lease, value), 0, 3));
  };
  CHECK_FALSE(shard.twin.wanted_closing());
  push(0, 0, 1);
  push(1, 1, 3);
  REQUIRE(shard.twin.wanted_closing());
  CHECK(shard.twin.wanted_closing()->round == 0);
  CHECK(shard.version() == 0);
  const round_closing closing{stamp_of(actor_role::feeder), 0, {{0}, {1}}, {{2}}};
  CHECK(shard.twin.on_closing(closing, {}).entries.size() == 3);
  CHECK(shard.version() == 1);
  CHECK(shard.parameters() == std::vector<float>(4, 2));     // the mean of 1 and 3
  CHECK(shard.twin.on_closing(closing, {}).entries.empty()); // told twice
  const auto late = push(2, 2, 100);
  REQUIRE(late.pushes.size() == 1);
  CHECK(late.pushes[0].what.outcome == push_outcome::duplicate);
  CHECK(shard.parameters() == std::vector<float>(4, 2));
}

TEST_CASE("quorum: a push that is in, but on no other shard, is left out with the rest",
          "[runtime][staleness]") {
  shard_probe shard(shard_of("quorum:1:0ms", 2));
  shard.push(in_round(push_of(worker_stamp(0), 0, 0, 1), 0, 2));
  shard.push(in_round(push_of(worker_stamp(1), 0, 1, 7), 0, 2));
  const auto effects = shard.twin.on_closing({stamp_of(actor_role::feeder), 0, {{0}}, {{1}}}, {});
  CHECK(effects.entries.front().kind == journal_kind::excluded);
  CHECK(shard.parameters() == std::vector<float>(4, 1));
  CHECK(shard.twin.report().dropped == 1);
}

TEST_CASE("quorum: a pull waits for its round, whoever is behind", "[runtime][staleness]") {
  shard_probe shard(shard_of("quorum:1:0ms", 2));
  CHECK(shard.pull(pull_of(worker_stamp(0), 0)).pulls.size() == 1);
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.empty());
  shard.push(in_round(push_of(worker_stamp(0), 0, 0), 0, 2));
  const auto effects = shard.twin.on_closing({stamp_of(actor_role::feeder), 0, {{0}}, {{1}}}, {});
  CHECK(effects.pulls.size() == 1); // worker 1 is still at clock 0
}

TEST_CASE("quorum: what is no quorum is refused", "[runtime][staleness]") {
  const auto refusal = [](std::string_view spec) {
    return make_policy(policies(), spec).error().text;
  };
  CHECK_THAT(refusal("quorum:0:1s"), Catch::Contains("N of policy quorum is \"0\""));
  CHECK_THAT(refusal("quorum:2:5"), Catch::Contains("GRACE of policy quorum is \"5\""));
  CHECK_THAT(refusal("quorum:2"), Catch::Contains("expected quorum:N:GRACE"));
}

} // namespace lagrange::tests
