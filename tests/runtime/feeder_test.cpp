#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace lagrange::tests {

using namespace runtime;

namespace {

constexpr auto joining = standing::joining;
constexpr auto working = standing::working;
constexpr auto idle = standing::idle;

feeder_options options_of(std::uint64_t samples, std::uint32_t batch, std::uint32_t epochs = 1) {
  feeder_options made;
  made.self = stamp_of(actor_role::feeder);
  made.samples = samples;
  made.batch = batch;
  made.epochs = epochs;
  made.seed = 3;
  made.workers = 2;
  return made;
}

feeder_options rounds_of(std::uint64_t samples, std::uint32_t epochs = 1) {
  auto made = options_of(samples, 1, epochs);
  made.rule.round_size = 2;
  return made;
}

/// Drives one feeder: numbers requests and tickets.
struct feeder_probe {
  explicit feeder_probe(const feeder_options& options) : twin(options) {}
  feeder twin;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> sequences;
  ticket next{1};

  feeder_effects ask(std::uint32_t worker, std::uint64_t clock, standing state,
                     std::uint32_t life = 1) {
    return twin.on_request(
        request_of(worker_stamp(worker, life), ++sequences[{worker, life}], clock, state),
        std::exchange(next, next.next()));
  }
  /// The grant for a request that is answered at once.
  dealt_grant grant(std::uint32_t worker, std::uint64_t clock, standing state,
                    std::uint32_t life = 1) {
    const auto effects = ask(worker, clock, state, life);
    REQUIRE(effects.grants.size() == 1);
    return effects.grants.front();
  }
  feeder_effects settle(std::uint64_t lease, lease_outcome outcome = lease_outcome::applied,
                        std::uint32_t shard = 0) {
    return twin.on_settlement(settlement_of(shard, {{{lease}, {1}, outcome}}), {});
  }
};

} // namespace

TEST_CASE("LE-1: every sample of every epoch is dealt once, in a seeded order",
          "[runtime][feeder]") {
  for (const std::uint32_t batch : {1, 3, 4, 10, 64}) {
    feeder_probe feeder(options_of(10, batch, 3));
    std::map<std::uint32_t, std::vector<std::uint32_t>> seen;
    for (std::uint64_t lease = 0; lease < feeder.twin.leases(); ++lease) {
      const auto dealt = feeder.grant(0, lease, lease == 0 ? joining : working);
      REQUIRE(dealt.grant.what.id.value == lease);
      REQUIRE(dealt.samples.size() <= batch);
      auto& epoch = seen[dealt.grant.what.epoch];
      epoch.insert(epoch.end(), dealt.samples.begin(), dealt.samples.end());
      feeder.settle(lease);
    }
    REQUIRE(seen.size() == 3);
    CHECK(seen[0] != seen[1]);
    std::vector<std::uint32_t> all(10);
    std::iota(all.begin(), all.end(), 0U);
    for (auto& [epoch, order] : seen) {
      std::ranges::sort(order);
      CHECK(order == all);
    }
    CHECK(feeder.twin.is_finished());
    CHECK(feeder.twin.report().samples == 30);
    CHECK(feeder.twin.report().epoch == 3);
  }
}

TEST_CASE("LE-1: a lease is closed when every shard has settled it, however often and in "
          "whatever order",
          "[runtime][feeder]") {
  auto options = options_of(2, 1);
  options.shards = 3;
  feeder_probe feeder(options);
  feeder.grant(0, 0, joining);
  feeder.grant(1, 0, joining);
  for (const std::uint32_t shard : {2, 2, 0, 2, 0}) feeder.settle(1, lease_outcome::applied, shard);
  CHECK(feeder.twin.report().applied == 0);
  feeder.settle(1, lease_outcome::applied, 1);
  for (const std::uint32_t shard : {0, 1, 2}) feeder.settle(1, lease_outcome::applied, shard);
  feeder.settle(7); // was never dealt
  CHECK(feeder.twin.report().applied == 1);
  for (const std::uint32_t shard : {0, 1, 3, 4}) feeder.settle(0, lease_outcome::dropped, shard);
  CHECK_FALSE(feeder.twin.is_finished()); // shards 3 and 4 do not exist
  feeder.settle(0, lease_outcome::dropped, 2);
  CHECK(feeder.twin.is_finished());
  CHECK(feeder.twin.report().applied == 1);
  CHECK(feeder.twin.report().dropped == 1);
  CHECK(feeder.twin.report().samples == 1);
}

TEST_CASE("SH-2: a lease dealt again keeps its id and samples, and has the next attempt",
          "[runtime][feeder]") {
  feeder_probe feeder(options_of(40, 10));
  const auto first = feeder.grant(0, 0, joining);
  dealt_grant again;
  SECTION("the view tells of the death") {
    feeder.twin.on_view(view_of(2, {dead(0, 1)}), {});
    again = feeder.grant(1, 0, joining);
  }
  SECTION("the next incarnation asks before the view") { again = feeder.grant(0, 0, joining, 2); }
  CHECK(again.grant.what.id == first.grant.what.id);
  CHECK(again.grant.what.attempt == first.grant.what.attempt.next());
  CHECK(again.samples == first.samples);
  CHECK(feeder.twin.report().dealt_again == 1);
  CHECK(feeder.twin.report().issued == 1);
}

TEST_CASE("LE-1: only what the dead one held is dealt again, and only once", "[runtime][feeder]") {
  feeder_probe feeder(options_of(5, 1));
  feeder.grant(0, 0, joining);
  feeder.grant(0, 1, working);
  feeder.grant(1, 0, joining);
  feeder.settle(0);
  feeder.twin.on_view(view_of(2, {dead(0, 1), live(1, 1)}), {});
  feeder.twin.on_view(view_of(2, {dead(0, 1), live(1, 1)}), {});
  feeder.twin.on_view(view_of(3, {dead(0, 1), live(1, 1)}), {});
  std::vector<std::uint64_t> dealt;
  for (std::uint64_t clock = 1; clock < 4; ++clock) {
    dealt.push_back(feeder.grant(1, clock, working).grant.what.id.value);
    if (clock == 1) feeder.settle(1); // one that somebody died with is computed alone
  }
  CHECK(dealt == std::vector<std::uint64_t>{1, 3, 4});
  CHECK(feeder.grant(1, 4, working).grant.kind == grant_kind::idle);
  CHECK(feeder.twin.report().dealt_again == 1);
}

TEST_CASE("LE-1: a lease that closes while it waits to be dealt again is not dealt",
          "[runtime][feeder]") {
  feeder_probe feeder(options_of(2, 1));
  feeder.grant(0, 0, joining);
  feeder.twin.on_view(view_of(2, {dead(0, 1)}), {});
  feeder.settle(0);
  CHECK(feeder.grant(1, 0, joining).grant.what.id == lease_id{1});
  CHECK(feeder.twin.report().dealt_again == 0);
}

TEST_CASE("a repeated request is answered alike", "[runtime][feeder]") {
  feeder_probe feeder(options_of(4, 1));
  const auto request = request_of(worker_stamp(0), 1, 0, joining);
  const auto one = feeder.twin.on_request(request, {1});
  const auto two = feeder.twin.on_request(request, {2});
  REQUIRE(two.grants.size() == 1);
  CHECK(two.grants.front().to == ticket{2});
  CHECK(two.grants.front().grant.what == one.grants.front().grant.what);
  CHECK(two.grants.front().samples == one.grants.front().samples);
  CHECK(feeder.twin.report().issued == 1);
  feeder.twin.on_request(request_of(worker_stamp(0), 2, 1, working), {3});
  const auto late = feeder.twin.on_request(request, {4});
  CHECK(late.grants.empty());
  CHECK(late.refused.size() == 1);
  CHECK(feeder.twin.report().issued == 2);
}

TEST_CASE("BP-1: a worker has one parked request; none is left hanging", "[runtime][feeder]") {
  feeder_probe feeder(options_of(1, 1));
  feeder.grant(0, 0, joining);
  CHECK(feeder.ask(1, 0, idle).refused.empty());
  for (int i = 0; i < 20; ++i) {
    const auto effects = feeder.ask(1, 0, idle);
    REQUIRE(effects.refused.size() == 1);
    CHECK(effects.refused.front().to.value + 2 == feeder.next.value);
    CHECK(effects.grants.empty());
  }
  SECTION("the job finishes") {
    const auto effects = feeder.settle(0);
    REQUIRE(effects.grants.size() == 1);
    CHECK(effects.grants.front().grant.kind == grant_kind::finished);
  }
  SECTION("the worker dies") {
    CHECK(feeder.twin.on_view(view_of(2, {live(0, 1), dead(1, 1)}), {}).refused.size() == 1);
  }
  SECTION("the lease is dealt again") {
    const auto effects = feeder.twin.on_view(view_of(2, {dead(0, 1), live(1, 1)}), {});
    REQUIRE(effects.grants.size() == 1);
    CHECK(effects.grants.front().grant.what.attempt == lease_attempt{2});
  }
}

TEST_CASE("whoever is fenced gets no lease", "[runtime][feeder]") {
  feeder_probe feeder(options_of(10, 1));
  feeder.grant(0, 0, joining, 2);
  auto from = worker_stamp(0, 1);
  SECTION("a lower incarnation") {}
  SECTION("declared dead") {
    feeder.twin.on_view(view_of(2, {dead(0, 2)}), {});
    from = worker_stamp(0, 2);
  }
  SECTION("another job") { (from = worker_stamp(1)).job = {8}; }
  SECTION("another term") { (from = worker_stamp(1)).term = {2}; }
  SECTION("no worker") { from = stamp_of(actor_role::shard, 1); }
  const auto effects = feeder.twin.on_request(request_of(from, 9, 0, joining), {9});
  CHECK(effects.grants.empty());
  REQUIRE(effects.refused.size() == 1);
  CHECK(effects.refused.front().what.code == errc::fenced);
}

TEST_CASE("a view of another job, term or time changes nothing", "[runtime][feeder]") {
  feeder_probe feeder(options_of(4, 1));
  feeder.grant(0, 0, joining);
  auto view = view_of(5, {live(0, 1), live(1, 1)});
  feeder.twin.on_view(view, {});
  view = view_of(4, {dead(0, 1)});
  SECTION("stale") {}
  SECTION("of another job") { (view = view_of(6, {dead(0, 1)})).from.job = {8}; }
  SECTION("of another term") { (view = view_of(6, {dead(0, 1)})).from.term = {2}; }
  feeder.twin.on_view(view, {});
  CHECK(feeder.twin.view() == view_number{5});
  CHECK(feeder.grant(1, 0, joining).grant.what.id == lease_id{1});
}

TEST_CASE("a joiner starts at the slowest live clock", "[runtime][feeder]") {
  feeder_probe feeder(options_of(100, 1));
  CHECK(feeder.grant(0, 0, joining).grant.clock == worker_clock{0});
  for (std::uint64_t clock = 1; clock <= 9; ++clock) feeder.grant(0, clock, working);
  CHECK(feeder.grant(1, 0, joining).grant.clock == worker_clock{0}); // first lives start at 0
  for (std::uint64_t clock = 1; clock <= 4; ++clock) feeder.grant(1, clock, working);
  feeder.twin.on_view(view_of(2, {dead(0, 1), live(1, 1)}), {});
  CHECK(feeder.grant(0, 0, joining, 2).grant.clock == worker_clock{4});
  // With nobody else there it goes on above its own last clock.
  feeder.twin.on_view(view_of(3, {dead(0, 2), dead(1, 1)}), {});
  CHECK(feeder.grant(1, 0, joining, 2).grant.clock == worker_clock{5});
}

TEST_CASE("an idle worker comes back above every clock it had, and not behind the others",
          "[runtime][feeder]") {
  feeder_probe feeder(options_of(3, 1));
  feeder.grant(0, 0, joining);
  feeder.grant(1, 0, joining);
  feeder.grant(1, 1, working);
  CHECK(feeder.grant(1, 2, working).grant.kind == grant_kind::idle);
  feeder.ask(1, 2, idle);
  const auto effects = feeder.twin.on_view(view_of(2, {dead(0, 1), live(1, 1)}), {});
  REQUIRE(effects.grants.size() == 1);
  CHECK(effects.grants.front().grant.clock == worker_clock{3});
}

TEST_CASE("rounds: a worker without a lease ticks, and a new round opens when all is closed",
          "[runtime][feeder]") {
  feeder_probe feeder(rounds_of(3)); // a round of two leases, then a short one
  const auto one = feeder.grant(0, 0, joining).grant;
  CHECK(one.what.round_size == 2);
  CHECK(feeder.grant(1, 0, joining).grant.what.round == 0);
  CHECK(feeder.ask(0, 1, working).grants.empty()); // the next round is not open yet
  feeder.settle(0);
  const auto effects = feeder.settle(1);
  REQUIRE(effects.grants.size() == 1);
  CHECK(effects.grants.front().grant.what.round == 1);
  CHECK(effects.grants.front().grant.what.round_size == 1);
  CHECK(effects.grants.front().grant.clock == worker_clock{1});
  const auto tick = feeder.grant(1, 1, working).grant;
  CHECK(tick.kind == grant_kind::tick);
  CHECK(tick.clock == worker_clock{1});
  CHECK(feeder.ask(1, 2, working).grants.empty());
  CHECK(feeder.settle(2).grants.front().grant.kind == grant_kind::finished);
}

TEST_CASE("CL-2: a worker that missed whole rounds ticks once before it gets a lease",
          "[runtime][feeder]") {
  feeder_probe feeder(rounds_of(10));
  for (std::uint64_t lease = 0; lease < 6; ++lease) {
    feeder.grant(0, lease / 2, lease == 0 ? joining : working);
    feeder.settle(lease);
  }
  const auto tick = feeder.grant(1, 0, joining).grant; // its clock is 0, the round 3
  CHECK(tick.kind == grant_kind::tick);
  CHECK(tick.clock == worker_clock{2});
  const auto next = feeder.grant(1, 3, working).grant;
  CHECK(next.kind == grant_kind::batch);
  CHECK(next.clock == worker_clock{3});
}

TEST_CASE("a death inside a round: the lease is dealt again at the clock of its round",
          "[runtime][feeder]") {
  feeder_probe feeder(rounds_of(4));
  feeder.grant(0, 0, joining);
  feeder.grant(1, 0, joining);
  feeder.ask(1, 1, working); // parked: it has pushed lease 1 already
  const auto effects = feeder.twin.on_view(view_of(2, {dead(0, 1), live(1, 1)}), {});
  REQUIRE(effects.grants.size() == 1);
  const auto& again = effects.grants.front().grant;
  CHECK(again.what.id == lease_id{0});
  CHECK(again.what.attempt == lease_attempt{2});
  CHECK(again.clock == worker_clock{0});
  CHECK(again.what.round == 0);
}

} // namespace lagrange::tests
