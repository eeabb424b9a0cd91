// Computations that hang, told from steps that are slow; and leases that are late.
#include "tests/support/builders.hpp"

#include "runtime/lease_deadlines.hpp"
#include "runtime/step_watch.hpp"
#include "runtime/time_law.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

/// One worker that computes without a pause, reports four times a second, and is watched.
struct watched_worker {
  explicit watched_worker(std::chrono::milliseconds floor, std::uint64_t seed = 1)
      : twin({floor, 12}), random(seed) {
    said.from = worker_stamp(0);
  }

  /// Steps of lognormal times, one after another. False: it was taken for hung.
  bool compute(int steps, double median_seconds, double sigma) {
    std::lognormal_distribution<> time(std::log(median_seconds), sigma);
    for (int step = 0; step < steps; ++step) {
      const auto took = std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * time(random)));
      for (const auto end = began + took; reported + 250ms < end;)
        if (!report()) return false;
      said.step_times.add(took);
      ++said.steps;
      said.computing = said.computing.next();
      began += took;
    }
    return true;
  }
  bool report() {
    reported += 250ms;
    said.under_way = reported - began;
    twin.observe(said, reported);
    return twin.hung().empty();
  }
  /// How long a step goes on until it counts as hung.
  std::chrono::duration<double> hang() {
    while (report())
      if (reported - began > 10h) break;
    return reported - began;
  }

  step_watch twin;
  std::mt19937_64 random;
  worker_report said;
  time_point began = at(0ms);
  time_point reported = at(0ms);
};

} // namespace

TEST_CASE("EN-1: no worker that is only slow or unsteady is taken for hung, and one that hangs is "
          "found within a bound of its own",
          "[runtime][steps]") {
  for (const double sigma : {0.0, 0.25, 0.5, 1.0})
    for (const double median : {0.01, 0.5, 2.5, 12.5}) // also 5 times slower than the one before
      for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(sigma, median, seed);
        watched_worker worker(10s, seed);
        REQUIRE(worker.compute(1'000, median, sigma));
        const auto bound = std::max(10.0, median * std::exp(7.2 * std::max(sigma * 1.1, 0.36)));
        const auto longest = 1.15 * worker.said.step_times.at(1) * 1e-9; // bins are an eighth wide
        CHECK(worker.hang().count() <= std::max(bound, 2 * longest) + 0.5);
      }
}

TEST_CASE("the law alone, without a floor, kills nobody in ten thousand steps",
          "[runtime][steps]") {
  for (const double sigma : {0.0, 0.5, 1.0}) {
    CAPTURE(sigma);
    watched_worker worker(0ms);
    // Its first steps are its only ones: with no floor nobody can be given ten.
    for (int i = 0; i < 100; ++i) worker.said.step_times.add(2s);
    worker.said.steps = 100;
    CHECK(worker.compute(10'000, 2, sigma));
  }
}

TEST_CASE("a worker of which little is known is given ten floors", "[runtime][steps]") {
  watched_worker worker(2s);
  CHECK(worker.hang() > 20s);
  watched_worker other(2s);
  REQUIRE(other.compute(19, 0.1, 0));
  CHECK(other.hang() > 20s);
  watched_worker known(2s);
  REQUIRE(known.compute(20, 0.1, 0));
  CHECK(known.hang() < 5s);
  CHECK(known.twin.hung() == std::vector<actor_life>{{{actor_role::worker, 0}, {1}}});
  CHECK_THAT(known.twin.describe({0}), Catch::StartsWith("hung: lease 20 has taken ") &&
                                           Catch::Contains(" s, its steps take 0."));
}

TEST_CASE("no time counts in which the worker was stopped, or nobody listened",
          "[runtime][steps]") {
  watched_worker worker(2s);
  REQUIRE(worker.compute(100, 0.1, 0));
  CHECK(worker.report());
  worker.reported += 1h; // stopped in the middle of a step
  CHECK(worker.report());
  CHECK(worker.hang() < 1h + 5s);
}

TEST_CASE("a next life is watched by the habit of those before, and begins with no step",
          "[runtime][steps]") {
  watched_worker worker(2s);
  REQUIRE(worker.compute(100, 0.1, 0));
  worker.hang();
  worker.twin.forget({0});
  CHECK(worker.twin.hung().empty());
  worker.said.from.life = {2};
  worker.said.step_times = {};
  worker.said.steps = 0;
  worker.began = worker.reported;
  CHECK(worker.report());
  CHECK(worker.hang() < 4s);
  worker.said.from.life = {1}; // a late report of the dead one
  const auto before = worker.twin.hung();
  worker.report();
  CHECK(worker.twin.hung() == before);
}

TEST_CASE("CL-2: a worker whose computation hangs is killed, and its lease is to blame",
          "[runtime][supervisor][steps]") {
  supervisor_options options;
  options.self = stamp_of(actor_role::supervisor);
  options.job.workers = 1;
  options.job.shards = 1;
  options.job.leases = 10;
  options.steps.floor = 2s;
  supervisor twin(options, at(0ms));
  twin.start(at(0ms));
  for (const auto role : {actor_role::feeder, actor_role::shard, actor_role::worker}) {
    twin.on_join({{role, 0}, {1}}, 100, at(0ms));
    twin.on_ready({{role, 0}, {1}}, at(0ms));
  }
  worker_report report;
  report.from = worker_stamp(0);
  for (int i = 0; i < 100; ++i) report.step_times.add(100ms);
  report.steps = 100;
  report.computing = {881};
  supervisor_effects lost;
  for (auto now = 250ms; now < 4s && lost.kills.empty(); now += 250ms) {
    report.under_way = now;
    twin.on_report(report, at(now));
    feeder_report feeder;
    feeder.from = stamp_of(actor_role::feeder);
    twin.on_report(feeder, at(now));
    shard_report shard;
    shard.from = stamp_of(actor_role::shard);
    twin.on_report(shard, at(now));
    lost = twin.on_tick(at(now));
  }
  CHECK(lost.kills == std::vector<actor_life>{{{actor_role::worker, 0}, {1}}});
  REQUIRE(lost.events.size() == 1);
  CHECK_THAT(lost.events[0], Catch::StartsWith("worker-0 hung: lease 881 has taken 2."));
  REQUIRE(lost.view);
  CHECK_FALSE(lost.view->members.front().was_fenced);
}

// ---- leases that are late -----------------------------------------------------------------------

TEST_CASE("a lease is overdue by the habit of its worker, and nobody's before a habit is known",
          "[runtime][feeder][steps]") {
  lease_deadlines twin;
  auto now = at(0ms);
  std::uint64_t id = 0;
  const auto deal = [&](std::uint32_t to, std::chrono::milliseconds took) {
    twin.on_deal({id}, {to}, now);
    now += took;
    twin.on_settled({id++}, now);
  };
  twin.on_deal({1000}, {0}, now);
  CHECK(twin.overdue(now + 10h).empty());
  for (int i = 0; i < 50; ++i) deal(0, 10ms);
  for (int i = 0; i < 50; ++i) deal(1, 50ms);
  CHECK(twin.overdue(now) == std::vector<lease_id>{{1000}});
  twin.forget({1000});
  twin.on_deal({1001}, {0}, now);
  twin.on_deal({1002}, {1}, now);
  CHECK(twin.overdue(now + 20ms).empty());
  CHECK(twin.overdue(now + 200ms) == std::vector<lease_id>{{1001}});
  CHECK(twin.overdue(now + 2s) == std::vector<lease_id>{{1001}, {1002}});
}

TEST_CASE("SH-2: a late lease is dealt to another as well, where nobody waits for its holder's "
          "clock",
          "[runtime][feeder][steps]") {
  const bool deals_overdue = GENERATE(true, false);
  feeder_options options;
  options.self = stamp_of(actor_role::feeder);
  options.samples = 40;
  options.workers = 2;
  options.rule.deals_overdue = deals_overdue;
  feeder twin(options);
  auto now = at(0ms);
  std::uint64_t sequence = 0;
  const auto ask = [&](std::uint32_t worker, std::uint64_t clock) {
    const auto state = clock == 0 ? standing::joining : standing::working;
    ++sequence;
    return twin.on_request(request_of(worker_stamp(worker), sequence, clock, state), {sequence},
                           now);
  };
  const auto late = ask(0, 0).grants.front().grant.what;
  for (std::uint64_t clock = 0; clock < 39; ++clock) {
    const auto what = ask(1, clock).grants.front().grant.what;
    now += 10ms;
    twin.on_settlement(settlement_of(0, {{what.id, what.attempt, lease_outcome::applied}}), now);
  }
  CHECK(ask(1, 39).grants.front().grant.kind == grant_kind::idle);
  twin.on_request(request_of(worker_stamp(1), ++sequence, 39, standing::idle), {sequence});
  twin.on_request(request_of(worker_stamp(0), ++sequence, 1, standing::working), {sequence});
  const auto out = twin.on_tick(now + 1s);
  REQUIRE(out.grants.size() == (deals_overdue ? 1 : 0));
  if (!deals_overdue) return;
  const auto& again = out.grants.front().grant;
  CHECK(again.what.id == late.id);
  CHECK(again.what.attempt == late.attempt.next());
  CHECK(again.clock > worker_clock{1}); // for the idle one; who holds it does not get it twice
  CHECK(twin.report().told_set_aside.empty());
  twin.on_settlement(settlement_of(0, {{late.id, late.attempt, lease_outcome::applied}}), now);
  CHECK(twin.is_finished());
  CHECK(twin.report().applied == 40);
}

} // namespace lagrange::tests
