// Laws of leases whose batches depend on the worker's speed.
#include "runtime/progress.hpp"
#include "tests/support/worker_probe.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <numeric>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

/// An epoch of 35 batches, the last of one sample.
feeder_options eight_batches() {
  feeder_options made;
  made.self = stamp_of(actor_role::feeder);
  made.samples = 69;
  made.batch = 2;
  made.batches_max = 8;
  made.epochs = 2;
  made.seed = 3;
  made.workers = 2;
  made.batch_deaths = 0; // or what killed a worker is dealt alone
  return made;
}

struct feeder_probe {
  feeder twin{eight_batches()};
  std::map<stamp, std::uint64_t, decltype([](const stamp& a, const stamp& b) {
             return std::pair(a.name.index, a.life) < std::pair(b.name.index, b.life);
           })>
      sequences;
  ticket next{1};

  dealt_grant grant(std::uint32_t worker, std::chrono::nanoseconds batch_time,
                    std::uint32_t life = 1) {
    const auto from = worker_stamp(worker, life);
    const auto sequence = ++sequences[from];
    auto request = request_of(from, sequence, sequence - 1,
                              sequence == 1 ? standing::joining : standing::working);
    request.batch_time = batch_time;
    const auto effects = twin.on_request(request, std::exchange(next, next.next()));
    REQUIRE(effects.grants.size() == 1);
    return effects.grants.front();
  }
  /// First batch and number of batches of the next lease.
  std::pair<std::uint64_t, std::uint32_t>
  deal(std::uint32_t worker, std::chrono::nanoseconds batch_time, std::uint32_t life = 1) {
    const auto dealt = grant(worker, batch_time, life);
    return {dealt.grant.what.id.value, dealt.grant.what.batches};
  }
  void settle(std::uint64_t lease, lease_outcome outcome = lease_outcome::applied) {
    twin.on_settlement(settlement_of(0, {{{lease}, {1}, outcome}}), {});
  }
};

using pair = std::pair<std::uint64_t, std::uint32_t>;

gradient_push of_batches(gradient_push push, std::uint32_t batches) {
  push.what.batches = batches;
  push.samples = batches;
  return push;
}

} // namespace

TEST_CASE("a lease has the batches that its worker computes while the fastest computes them all",
          "[runtime][feeder][dynamic]") {
  CHECK(dynamic_batches(8, 10ms, 10ms) == 8);
  CHECK(dynamic_batches(8, 40ms, 10ms) == 2);
  CHECK(dynamic_batches(8, 11ms, 10ms) == 7); // never more than its share
  CHECK(dynamic_batches(8, 90ms, 10ms) == 1); // but one
  CHECK(dynamic_batches(6, 3ms, 1ms) == 2);   // exactly, though 1/3 is no float
  CHECK(dynamic_batches(1'000'000, 1h, 1ns) == 1);
}

TEST_CASE("LE-1: leases follow each worker's speed, and end with their epoch",
          "[runtime][feeder][dynamic]") {
  feeder_probe feeder;
  CHECK(feeder.deal(0, 0ns) == pair{0, 8}); // nothing is known of either
  CHECK(feeder.deal(1, 0ns) == pair{8, 8});
  CHECK(feeder.deal(0, 10ms) == pair{16, 8});
  CHECK(feeder.deal(1, 40ms) == pair{24, 2});
  CHECK(feeder.deal(0, 10ms) == pair{26, 8});
  const auto last = feeder.grant(1, 40ms);
  CHECK(last.grant.what.id.value == 34);
  CHECK(last.grant.what.batches == 1); // no more of this epoch
  CHECK(last.grant.what.epoch == 0);
  CHECK(last.samples.size() == 1);
  const auto next = feeder.grant(1, 20ms);
  CHECK(next.grant.what.id.value == 35);
  CHECK(next.grant.what.batches == 4); // it has become faster
  CHECK(next.grant.what.epoch == 1);
  CHECK(next.samples.size() == 8);
  CHECK(feeder.twin.report().issued == 7);
}

TEST_CASE("LE-1: an epoch is finished when all of its batches are closed, in whatever leases",
          "[runtime][feeder][dynamic]") {
  feeder_probe feeder;
  std::map<std::uint32_t, std::vector<std::uint32_t>> seen;
  std::vector<std::uint64_t> ids;
  std::uint32_t worker = 0;
  for (std::uint64_t end = 0; end < feeder.twin.leases(); worker = 1 - worker) {
    const auto dealt = feeder.grant(worker, worker == 0 ? 10ms : 25ms);
    REQUIRE(dealt.grant.what.id.value == end);
    end += dealt.grant.what.batches;
    ids.push_back(dealt.grant.what.id.value);
    auto& epoch = seen[dealt.grant.what.epoch];
    epoch.insert(epoch.end(), dealt.samples.begin(), dealt.samples.end());
  }
  REQUIRE(seen.size() == 2);
  std::vector<std::uint32_t> all(69);
  std::iota(all.begin(), all.end(), 0U);
  for (auto& [epoch, order] : seen) {
    std::ranges::sort(order);
    CHECK(order == all);
  }
  std::ranges::reverse(ids);
  for (const auto id : ids) {
    CHECK_FALSE(feeder.twin.is_finished());
    CHECK(feeder.twin.epochs_finished() == 0); // the first lease of all comes last
    feeder.settle(id, id == 0 ? lease_outcome::dropped : lease_outcome::applied);
  }
  CHECK(feeder.twin.is_finished());
  const auto found = feeder.twin.report();
  CHECK(found.epoch == 2);
  CHECK(found.closed == 70);
  CHECK(found.issued == ids.size());
  CHECK(found.applied + found.dropped == ids.size());
  CHECK(found.samples == 138 - 16);
}

TEST_CASE("SH-2: a lease dealt again keeps its batches, whoever gets it",
          "[runtime][feeder][dynamic]") {
  feeder_probe feeder;
  const auto large = feeder.grant(0, 10ms);
  CHECK(feeder.deal(1, 40ms) == pair{8, 2});
  feeder.twin.on_view(view_of(2, {dead(0, 1)}), {});
  const auto again = feeder.grant(1, 40ms); // the slow one
  CHECK(again.grant.what.id == large.grant.what.id);
  CHECK(again.grant.what.batches == 8);
  CHECK(again.grant.what.attempt == lease_attempt{2});
  CHECK(again.samples == large.samples);
  CHECK(feeder.deal(1, 40ms) == pair{10, 8});   // now it is the fastest that lives
  CHECK(feeder.deal(0, 0ns, 2) == pair{18, 8}); // a new life is not known
  CHECK(feeder.deal(0, 10ms, 2) == pair{26, 8});
  CHECK(feeder.deal(1, 40ms) == pair{34, 1});
}

TEST_CASE("no rounds are made of leases that differ in their batches",
          "[runtime][feeder][dynamic]") {
  auto options = eight_batches();
  options.rule.round_size = 2;
  CHECK_THROWS_AS(feeder(options), ops::contract_error);
  options = eight_batches();
  options.batches_max = 0;
  CHECK_THROWS_AS(feeder(options), ops::contract_error);
}

TEST_CASE("SH-2: a push of several batches is one lease, and all of its batches are taken",
          "[runtime][shard][dynamic]") {
  shard_probe shard(shard_of("asp", 2));
  const auto outcome_of = [&](std::uint64_t clock, std::uint64_t lease, std::uint32_t batches) {
    const auto push = of_batches(push_of(worker_stamp(0), clock, lease), batches);
    return shard.push(push).pushes.front().what.outcome;
  };
  CHECK(outcome_of(0, 4, 3) == push_outcome::taken);
  for (const std::uint64_t inside : {5, 6}) // of no lease that was ever dealt
    CHECK(outcome_of(1, inside, 1) == push_outcome::duplicate);
  CHECK(outcome_of(2, 7, 8) == push_outcome::taken);
  CHECK(outcome_of(3, 0, 4) == push_outcome::taken);
  CHECK(shard.twin.report().applied == 3);
  CHECK(shard.twin.report().entered == 3);
  CHECK(shard.twin.report().version == shard_version{3});
}

TEST_CASE("a worker tells how long a batch takes it, however many its leases have",
          "[runtime][worker][dynamic]") {
  worker_probe worker;
  const auto step = [&](std::uint64_t clock, std::uint32_t batches,
                        std::chrono::milliseconds takes) {
    auto grant = std::make_shared<lease_grant>();
    grant->sequence = ++worker.sequence;
    grant->what = {.id = {clock * 10}, .attempt = {1}, .batches = batches};
    grant->clock = {clock};
    grant->samples.labels = ops::tensor(ops::dtype::i32, {2 * std::int64_t{batches}});
    worker.effects = worker.twin.on_grant(grant, worker.now);
    worker.now += 5ms;
    worker.parameters(clock);
    REQUIRE(worker.effects.compute);
    worker.now += takes;
    worker.part({{{clock * 10}, {1}}, {1}, 0, 3, worker_probe::gradient()[1][0]});
    REQUIRE(worker.effects.pushes.size() == 1);
    CHECK(worker.effects.pushes.front().second->samples == 2 * batches); // in early frames, too
    worker.computed(clock * 10);
    const auto asked = worker.effects.request;
    worker.acks(clock, clock * 10);
    REQUIRE(asked);
    return asked->batch_time;
  };
  CHECK(worker.effects.request->batch_time == 0ns);
  CHECK(step(0, 4, 40ms) == 10ms); // without the wait for parameters
  CHECK(step(1, 2, 20ms) == 10ms);
  CHECK(step(2, 3, 90ms) == 10ms); // the median
}

TEST_CASE("the live view counts the batches that are closed, out of all", "[runtime][progress]") {
  progress_options options;
  options.leases = 70;
  progress figures(options, at(0ms));
  feeder_report told;
  told.issued = 9;
  told.applied = 4;
  told.closed = 35;
  figures.on_report(told, at(1s));
  CHECK(figures.status(at(1s)).leases == 70);
  CHECK(figures.status(at(1s)).leases_closed == 35);
}

} // namespace lagrange::tests
