// How a supervisor goes on with the nodes that another one has left.
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lagrange::tests {
using namespace runtime;
using namespace std::chrono_literals;

namespace {

constexpr actor_name feeder_name{actor_role::feeder, 0};
constexpr actor_name shard_name(std::uint32_t index) { return {actor_role::shard, index}; }
constexpr actor_name worker_name(std::uint32_t index) { return {actor_role::worker, index}; }

/// The second supervisor of a job of two workers and two shards; worker-1 is in its third life.
struct successor {
  explicit successor(std::vector<actor_name> living = everyone(), bool leaves_unsent = false)
      : twin(options_of(living, leaves_unsent), at(0ms)) {
    begun = twin.start(now);
  }
  static std::vector<actor_name> everyone() {
    return {feeder_name, shard_name(0), shard_name(1), worker_name(0), worker_name(1)};
  }
  static actor_life life_of(actor_name name) { return {name, {name == worker_name(1) ? 3U : 1U}}; }
  static supervisor_options options_of(const std::vector<actor_name>& living, bool leaves_unsent) {
    supervisor_options made;
    made.self = stamp_of(actor_role::supervisor);
    made.job.workers = 2;
    made.job.shards = 2;
    made.job.leases = 10;
    made.job.epochs = 2;
    made.silence.floor = 1h;
    made.cuts.every = 100ms;
    made.cuts.shards = 2;
    made.lives[worker_name(1)] = {3};
    made.adoption.command = {2};
    made.adoption.is_wanted = true;
    made.adoption.patience = 5s;
    made.adoption.leaves_unsent = leaves_unsent;
    for (const auto name : living) made.adoption.processes.push_back(life_of(name));
    return made;
  }

  supervisor_effects come_back(actor_name name) {
    const auto who = life_of(name);
    auto effects = twin.on_return({who, who, 100}, now);
    auto more = twin.on_ready(who, now);
    std::ranges::move(effects.kills, std::back_inserter(more.kills));
    return more;
  }
  supervisor_effects tick(std::chrono::milliseconds after) {
    now += after;
    return twin.on_tick(now);
  }

  supervisor twin;
  time_point now = at(0ms);
  supervisor_effects begun;
};

/// All return, but for these; the effects of the last one.
supervisor_effects all_but(successor& job, const std::vector<actor_name>& missing = {}) {
  supervisor_effects last;
  for (const auto name : successor::everyone())
    if (std::ranges::find(missing, name) == missing.end()) last = job.come_back(name);
  return last;
}

} // namespace

TEST_CASE("CL-2: a supervisor that adopts starts nobody, and goes on once all are back",
          "[runtime][adoption]") {
  successor job;
  CHECK(job.begun.launches.empty());
  CHECK(job.twin.phase() == job_phase::adopting);
  const auto effects = all_but(job);
  CHECK(job.twin.phase() == job_phase::running);
  CHECK(effects.launches.empty());
  CHECK(effects.placements.empty());
  CHECK(effects.kills.empty());
  CHECK(effects.events.at(0) == "5 of 5 nodes were adopted after 0.00 s, as they were");
  REQUIRE(effects.view);
  CHECK(effects.view->members[1].life == incarnation{3});
  CHECK(std::ranges::all_of(effects.view->members, &member::live));
}

TEST_CASE("the views of a supervisor are above all of the one before", "[runtime][adoption]") {
  CHECK(first_view({1}) == view_number{1});
  successor job;
  const auto effects = all_but(job);
  REQUIRE(effects.view);
  CHECK(effects.view->from.view > view_number{1'000'000});
  CHECK(effects.view->from.view < first_view({3}));
}

TEST_CASE("LE-1: a worker that died without a supervisor is restarted as its next life",
          "[runtime][adoption]") {
  auto living = successor::everyone();
  living.pop_back();
  successor job(living); // nobody waits for one that is known to be gone
  const auto effects = all_but(job, {worker_name(1)});
  CHECK(job.twin.phase() == job_phase::running);
  REQUIRE(effects.view);
  CHECK_FALSE(effects.view->members[1].live);
  CHECK(effects.view->members[1].life == incarnation{3});
  const auto later = job.tick(200ms).launches;
  CHECK(later == std::vector{actor_life{worker_name(1), {4}}});
}

TEST_CASE("CO-1: what a worker had not sent is gone with it and its supervisor, so all go back",
          "[runtime][adoption]") {
  auto living = successor::everyone();
  living.pop_back();
  successor job(living, true);
  const auto effects = all_but(job, {worker_name(1)});
  CHECK(job.twin.phase() == job_phase::ended);
  REQUIRE(job.twin.fall());
  CHECK(job.twin.fall()->who == worker_name(1));
  CHECK(effects.kills.size() == 4);
  CHECK(effects.launches.empty());
}

TEST_CASE("EN-1: a node that hangs is waited for, and no longer than it may take",
          "[runtime][adoption]") {
  successor job({successor::everyone()}, true); // what it has not sent is held by then
  all_but(job, {worker_name(1)});
  CHECK(job.tick(4'900ms).kills.empty());
  CHECK(job.twin.phase() == job_phase::adopting);
  const auto effects = job.tick(100ms);
  CHECK(job.twin.phase() == job_phase::running);
  CHECK(effects.kills == std::vector{successor::life_of(worker_name(1))});
}

TEST_CASE("a shard that does not return takes the term with it", "[runtime][adoption]") {
  successor job;
  all_but(job, {shard_name(1)});
  const auto effects = job.tick(5s);
  CHECK(job.twin.phase() == job_phase::ended);
  REQUIRE(job.twin.fall());
  CHECK(job.twin.fall()->who == shard_name(1));
  CHECK(effects.kills.size() >= 4);
}

TEST_CASE("a node that was not up, or returns too late, or as a life before, is ended",
          "[runtime][adoption]") {
  successor job;
  const actor_life second{worker_name(1), {2}};
  CHECK(job.twin.on_return({second, second, 7}, job.now).kills == std::vector{second});
  const auto first = successor::life_of(worker_name(0));
  CHECK(job.twin.on_return({first, {}, 8}, job.now).kills == std::vector{first});
  all_but(job, {worker_name(0)});
  CHECK(job.twin.phase() == job_phase::running); // nobody waits for it any more
  CHECK(job.twin.on_return({first, first, 8}, job.now).kills == std::vector{first});
}

TEST_CASE("DU-1: no cut is ordered before the feeder has said which ones there were",
          "[runtime][adoption]") {
  successor job;
  all_but(job);
  job.tick(100ms);
  CHECK_FALSE(job.tick(200ms).cut);
  feeder_report report;
  report.from = stamp_of(actor_role::feeder);
  report.cut = {41};
  job.twin.on_report(report, job.now);
  job.tick(200ms); // the schedule begins
  const auto effects = job.tick(200ms);
  REQUIRE(effects.cut);
  CHECK(effects.cut->cut == cut_number{42});
}

TEST_CASE("a replica that was promoted returns as its shard", "[runtime][adoption]") {
  successor job;
  const actor_life process{{actor_role::replica, 0}, {1}}, heir{shard_name(0), {2}};
  for (const auto name : {feeder_name, shard_name(1), worker_name(0), worker_name(1)})
    job.come_back(name);
  job.come_back(shard_name(0)); // the life before, which nobody had ended yet
  CHECK(job.twin.phase() == job_phase::running);
  successor other;
  other.come_back(shard_name(0));
  CHECK(other.twin.on_return({process, heir, 9}, other.now).kills ==
        std::vector{actor_life{shard_name(0), {1}}});
  other.twin.on_ready(heir, other.now);
  for (const auto name : {feeder_name, shard_name(1), worker_name(0), worker_name(1)})
    other.come_back(name);
  CHECK(other.twin.phase() == job_phase::running);
  // Its process is known by the name that it was started with.
  other.twin.on_loss(process, "was killed (signal 9)", other.now);
  REQUIRE(other.twin.fall());
  CHECK(other.twin.fall()->who == shard_name(0));
}

} // namespace lagrange::tests
