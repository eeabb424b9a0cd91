// Leases that workers die with: who is suspected, what is set aside, and how that is settled.
#include "tests/support/builders.hpp"

#include "runtime/loss_words.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lagrange::tests {

using namespace runtime;

namespace {

constexpr auto joining = standing::joining;
constexpr auto working = standing::working;

/// A feeder of single samples for two workers, whose lives it counts.
struct feeder_probe {
  explicit feeder_probe(std::uint32_t batch_deaths = 3, std::uint32_t round_size = 0,
                        std::uint32_t shards = 1)
      : twin(options_of(batch_deaths, round_size, shards)) {}
  static feeder_options options_of(std::uint32_t batch_deaths, std::uint32_t round_size,
                                   std::uint32_t shards) {
    feeder_options made;
    made.self = stamp_of(actor_role::feeder);
    made.samples = 20;
    made.workers = 2;
    made.shards = shards;
    made.rule.round_size = round_size;
    made.batch_deaths = batch_deaths;
    return made;
  }

  std::vector<dealt_grant> ask(std::uint32_t worker, std::uint64_t clock, standing state) {
    const auto from = worker_stamp(worker, lives[worker]);
    return twin.on_request(request_of(from, ++sequence, clock, state), {sequence}).grants;
  }
  /// The lease that is granted at once.
  lease_grant grant(std::uint32_t worker, std::uint64_t clock, standing state) {
    const auto found = ask(worker, clock, state);
    REQUIRE(found.size() == 1);
    return found.front().grant;
  }
  feeder_effects die(std::uint32_t worker, bool was_fenced = false) {
    const member gone{{worker}, {lives[worker]++}, false, was_fenced};
    return twin.on_view(view_of(++view, {gone}), {});
  }
  feeder_effects settle(lease_grant what, lease_outcome outcome = lease_outcome::applied,
                        std::uint32_t shard = 0) {
    return twin.on_settlement(settlement_of(shard, {{what.what.id, what.what.attempt, outcome}}),
                              {});
  }

  feeder twin;
  std::uint64_t sequence = 0;
  std::uint64_t view = 1;
  std::array<std::uint32_t, 2> lives{1, 1};
};

} // namespace

TEST_CASE("LE-1: a lease that three workers died with is given up, dealt to be discarded, and "
          "told of",
          "[runtime][feeder][deaths]") {
  feeder_probe feeder;
  for (std::uint32_t death = 0; death < 3; ++death) {
    const auto held = feeder.grant(death % 2, 0, joining);
    CHECK(held.what.id.value == 0);
    CHECK(held.kind == grant_kind::batch);
    CHECK(feeder.twin.report().told_set_aside.empty());
    feeder.die(death % 2);
  }
  REQUIRE(feeder.twin.report().told_set_aside.size() == 1);
  const auto told = feeder.twin.report().told_set_aside.front();
  CHECK(told.samples == samples_of(feeder_probe::options_of(3, 0, 1), lease()));
  CHECK_THAT(set_aside_text(told),
             Catch::StartsWith("lease 0 is set aside: worker-0 (incarnation 1), worker-1 "
                               "(incarnation 1) and worker-0 (incarnation 2) died with it; its "
                               "samples of epoch 1 are "));
  const auto given_up = feeder.ask(1, 0, joining);
  REQUIRE(given_up.size() == 1);
  CHECK(given_up[0].grant.kind == grant_kind::discard);
  CHECK(given_up[0].grant.what.attempt.value == 4);
  CHECK(given_up[0].samples.empty());
  CHECK(feeder.twin.report().set_aside == 0); // not settled yet
  feeder.die(1);                              // with that, which kills nobody
  const auto again = feeder.grant(0, 0, joining);
  CHECK(again.kind == grant_kind::discard);
  feeder.settle(again, lease_outcome::set_aside);
  CHECK(feeder.twin.report().set_aside == 1);
  CHECK(feeder.twin.report().dropped == 1);
  CHECK(feeder.twin.report().told_set_aside.size() == 1);
}

TEST_CASE("a suspect is dealt alone, so that the lease asked for ahead is cleared",
          "[runtime][feeder][deaths]") {
  feeder_probe feeder;
  feeder.grant(0, 0, joining); // this one kills
  feeder.grant(0, 1, working); // asked for when the first step began
  feeder.die(0);
  const auto killer = feeder.grant(1, 0, joining);
  CHECK(killer.what.id.value == 0);
  CHECK(feeder.ask(1, 1, working).empty()); // nothing beside it
  feeder.die(1);
  const auto innocent = [&] { // computed while the first waits for another
    feeder.grant(0, 0, joining);
    return feeder.grant(1, 0, joining);
  }();
  CHECK(innocent.what.id.value == 1);
  CHECK(feeder.ask(1, 1, working).empty());
  const auto next = feeder.settle(innocent);
  REQUIRE(next.grants.size() == 1); // it was computed: whoever waited is dealt another
  CHECK(next.grants[0].grant.what.id.value == 2);
  feeder.die(0);
  REQUIRE(feeder.twin.report().told_set_aside.size() == 1);
  CHECK(feeder.twin.report().told_set_aside[0].what.value == 0);
}

TEST_CASE("EN-1: who is held back with a suspect is told when nothing is left",
          "[runtime][feeder][deaths]") {
  feeder_probe feeder;
  std::vector<lease_grant> held{feeder.grant(0, 0, joining)};
  feeder.die(0);
  held[0] = feeder.grant(0, 0, joining);
  CHECK(feeder.ask(0, 1, working).empty());
  for (std::uint64_t clock = 0; clock < 19; ++clock)
    held.push_back(feeder.grant(1, clock, clock == 0 ? joining : working));
  const auto out = feeder.settle(held[0]);
  REQUIRE(out.grants.size() == 1);
  CHECK(out.grants[0].grant.kind == grant_kind::idle); // or the other would wait for its clock
}

TEST_CASE("a worker that was fenced, and not killed by what it computed, counts against nothing",
          "[runtime][feeder][deaths]") {
  feeder_probe feeder(1);
  for (int death = 0; death < 5; ++death) {
    CHECK(feeder.grant(0, 0, joining).kind == grant_kind::batch);
    feeder.die(0, true);
  }
  CHECK(feeder.twin.report().told_set_aside.empty());
  feeder.grant(0, 0, joining);
  feeder.die(0);
  CHECK(feeder.twin.report().told_set_aside.size() == 1);
}

TEST_CASE("with batch_deaths = 0 a lease is dealt for ever", "[runtime][feeder][deaths]") {
  feeder_probe feeder(0);
  for (int death = 0; death < 20; ++death) {
    CHECK(feeder.grant(0, 0, joining).kind == grant_kind::batch);
    feeder.die(0);
  }
}

TEST_CASE("what a shard has settled was computed, and what a worker asked on from in a round",
          "[runtime][feeder][deaths]") {
  SECTION("settled by one of two shards") {
    feeder_probe feeder(1, 0, 2);
    feeder.settle(feeder.grant(0, 0, joining));
    feeder.die(0);
    CHECK(feeder.twin.report().told_set_aside.empty());
    CHECK(feeder.grant(1, 0, joining).kind == grant_kind::batch); // the other shard needs it
  }
  SECTION("a round whose worker waits for the next lease") {
    feeder_probe feeder(1, 1);
    feeder.grant(0, 0, joining);
    CHECK(feeder.ask(0, 1, working).empty()); // it asks when it has pushed
    feeder.die(0);
    CHECK(feeder.twin.report().told_set_aside.empty());
  }
  SECTION("a round whose worker computes") {
    feeder_probe feeder(1, 2);
    feeder.grant(0, 0, joining);
    feeder.die(0);
    CHECK(feeder.twin.report().told_set_aside.size() == 1);
  }
}

TEST_CASE("the acknowledgement of a view tells what the deaths gave back, repeated or not",
          "[runtime][feeder][deaths]") {
  feeder_probe feeder;
  feeder.grant(0, 0, joining);
  feeder.grant(0, 1, working);
  feeder.grant(1, 0, joining);
  feeder.die(0);
  const auto check = [&] {
    const auto& freed = feeder.twin.given_back_by_view();
    REQUIRE(freed.size() == 1);
    CHECK(freed[0].worker == worker_id{0});
    CHECK(freed[0].life == incarnation{1});
    CHECK(freed[0].leases == std::vector<lease_id>{{0}, {1}});
    CHECK(dealt_again_text(freed[0].leases) == "leases 0 and 1 dealt again");
  };
  check();
  feeder.twin.on_view(view_of(feeder.view, {dead(0, 1)}), {});
  check();
  feeder.twin.on_view(view_of(++feeder.view, {dead(0, 1)}), {});
  CHECK(feeder.twin.given_back_by_view().empty());
  CHECK(dealt_again_text({}) == "no lease was open");
  const std::vector<lease_id> many{{1}, {2}, {3}, {4}, {5}, {6}};
  CHECK(dealt_again_text(many) == "leases 1, 2, 3, 4 and 2 more dealt again");
}

// ---- shards and workers -------------------------------------------------------------------------

namespace {

gradient_push discard_of(std::uint32_t worker, std::uint64_t clock, std::uint64_t lease) {
  auto made = empty_push(worker_stamp(worker), clock, push_verdict::discard);
  made.what.id = {lease};
  made.what.attempt = {4};
  made.what.batches = 3;
  return made;
}

} // namespace

TEST_CASE("LE-1 SH-1: a shard settles a discarded lease, moves the clock, and changes nothing",
          "[runtime][shard][deaths]") {
  shard_probe shard(shard_of("ssp:0"));
  shard.push(push_of(worker_stamp(0), 0, 7));
  const auto effects = shard.push(discard_of(0, 1, 0));
  REQUIRE(effects.entries.size() == 1);
  CHECK(effects.entries[0].kind == journal_kind::set_aside);
  CHECK(effects.entries[0].batches == 3);
  CHECK(effects.entries[0].version == shard_version{1});
  CHECK(effects.pushes.front().what.outcome == push_outcome::taken);
  const auto told = shard.twin.next_settlement().leases;
  REQUIRE(told.size() == 2);
  CHECK(told[1].outcome == lease_outcome::set_aside);
  CHECK(shard.twin.report().dropped == 1);
  // Its maker's residual knows nothing of it: what it is told of is its last gradient.
  shard.push(discard_of(1, 0, 3));
  shard.push(discard_of(1, 1, 10));
  const auto served = shard.pull(pull_of(worker_stamp(0), 2)).pulls;
  REQUIRE(served.size() == 1);
  CHECK(served[0].what.taken[0] == lease_attempt_id{{7}, {1}});
  // The lease's ids are all in: a late gradient of it is refused.
  CHECK(shard.push(push_of(worker_stamp(1), 2, 2)).pushes.front().what.outcome ==
        push_outcome::duplicate);
}

TEST_CASE("LE-1: in a round a discarded lease counts, without a gradient",
          "[runtime][shard][deaths]") {
  shard_probe shard(shard_of("bsp"));
  auto given_up = in_round(discard_of(0, 0, 0), 0, 2);
  given_up.what.batches = 1;
  CHECK(shard.push(given_up).entries.empty());
  const auto effects = shard.push(in_round(push_of(worker_stamp(1), 0, 1, 6), 0, 2));
  std::vector<journal_kind> kinds;
  for (const auto& entry : effects.entries) kinds.push_back(entry.kind);
  CHECK(kinds == std::vector{journal_kind::kept, journal_kind::set_aside, journal_kind::applied});
  CHECK(effects.entries[1].version == shard_version{0});
  CHECK(shard.twin.parameters().values()[0] == 6);
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.size() ==
        1); // its clock moved with the round
}

TEST_CASE("a worker pushes a lease that is given up to every shard, and computes nothing",
          "[runtime][worker][deaths]") {
  worker_options options;
  options.self = worker_stamp(0);
  options.shards = 2;
  worker twin(options);
  const auto asked = *twin.start({}).request;
  lease_grant grant{stamp_of(actor_role::feeder), asked.sequence, grant_kind::discard, {}, {5}, {}};
  grant.what.id = {9};
  grant.what.attempt = {4};
  const auto out = twin.on_grant(std::make_shared<lease_grant>(grant), {});
  CHECK_FALSE(out.compute);
  CHECK(out.pulls.empty());
  REQUIRE(out.pushes.size() == 2);
  for (const auto& [shard, frame] : out.pushes) {
    CHECK(frame->verdict == push_verdict::discard);
    CHECK(frame->what == grant.what);
    CHECK(frame->clock == worker_clock{5});
  }
  const push_ack ack{stamp_of(actor_role::shard), {9}, {4}, {5}, push_outcome::taken, {}, {}};
  CHECK_FALSE(twin.on_ack({0}, ack, {}).request);
  const auto next = twin.on_ack({1}, ack, {}).request;
  REQUIRE(next);
  CHECK(next->clock == worker_clock{6});
  CHECK(next->state == standing::working);
}

} // namespace lagrange::tests
