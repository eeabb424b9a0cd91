// Actors that hang: how their silence is told from a busy machine's, and what follows.
#include "tests/support/builders.hpp"

#include "runtime/heartbeats.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

constexpr actor_name worker_name(std::uint32_t index) { return {actor_role::worker, index}; }
constexpr actor_life somebody{worker_name(2), {1}};

/// Heartbeats, and a listener that ticks four times a second.
struct listener {
  heartbeats twin{{}};
  time_point now = at(0ms);

  /// The actor speaks every `gap` of the time.
  void hear(std::chrono::milliseconds time, std::chrono::milliseconds gap) {
    for (auto passed = 0ms; passed < time; passed += 50ms) {
      if (passed % gap == 0ms) twin.observe(somebody, now);
      pass(50ms);
    }
  }
  void pass(std::chrono::milliseconds time) {
    now += time;
    if (now.time_since_epoch() % 250ms == 0ms) twin.on_tick(now);
  }
  void listen(std::chrono::milliseconds time) {
    for (auto passed = 0ms; passed < time; passed += 50ms) pass(50ms);
  }
};

/// A supervisor of two workers and one shard, all of which are up.
struct running_job {
  explicit running_job(restart_rule restart = {}) : twin(options_of(restart), at(0ms)) {
    twin.start(now);
    for (const auto& name : everyone) {
      twin.on_join({name, {1}}, 100, now);
      twin.on_ready({name, {1}}, now);
    }
    REQUIRE(twin.phase() == job_phase::running);
  }
  static supervisor_options options_of(restart_rule restart) {
    supervisor_options made;
    made.self = stamp_of(actor_role::supervisor);
    made.job.workers = 2;
    made.job.leases = 10;
    made.restart = restart;
    return made;
  }
  /// Everybody but one reports four times a second. Returns what the ticks brought about.
  supervisor_effects pass(std::chrono::milliseconds time, actor_name but) {
    supervisor_effects all;
    for (auto passed = 0ms; passed < time; passed += 250ms) {
      now += 250ms;
      if (but.role != actor_role::feeder) report(feeder_report{});
      if (but.role != actor_role::shard) report(shard_report{});
      for (std::uint32_t worker = 0; worker < 2; ++worker)
        if (but != worker_name(worker)) report(worker_report{}, worker);
      auto effects = twin.on_tick(now);
      std::ranges::move(effects.events, std::back_inserter(all.events));
      std::ranges::move(effects.kills, std::back_inserter(all.kills));
      std::ranges::move(effects.launches, std::back_inserter(all.launches));
    }
    return all;
  }

  static constexpr std::array<actor_name, 4> everyone{
      {{actor_role::feeder, 0}, {actor_role::shard, 0}, worker_name(0), worker_name(1)}};
  supervisor twin;
  time_point now = at(0ms);

private:
  void report(feeder_report made) { say(made, actor_role::feeder, 0); }
  void report(shard_report made) { say(made, actor_role::shard, 0); }
  void report(worker_report made, std::uint32_t index) { say(made, actor_role::worker, index); }
  template <class Report>
  void say(Report& made, actor_role role, std::uint32_t index) {
    made.from = stamp_of(role, index);
    twin.on_report(made, now);
  }
};

constexpr actor_name nobody{actor_role::worker, 9};

} // namespace

TEST_CASE("who speaks regularly is silent after the floor, and not before", "[runtime][silence]") {
  listener x;
  x.hear(20s, 250ms);
  x.listen(2'500ms);
  CHECK(x.twin.silent(x.now).empty());
  x.listen(500ms);
  CHECK(x.twin.silent(x.now) == std::vector<actor_life>{somebody});
  CHECK_THAT(x.twin.describe(somebody.name, x.now),
             Catch::Equals("fell silent: nothing for 3.2 s, expected every 0.25 s"));
}

TEST_CASE("who speaks late by habit is given longer than the floor", "[runtime][silence]") {
  listener x;
  for (int n = 0; n < 20; ++n) {
    x.hear(1s, 1s);
    x.hear(3s, 3s);
  }
  CHECK(x.twin.silent(x.now).empty());
  x.listen(3s);
  CHECK(x.twin.silent(x.now).empty());
  CHECK(x.twin.phi(somebody.name, x.now) > 1);
  x.listen(20s);
  CHECK(x.twin.silent(x.now).size() == 1);
}

TEST_CASE("silence is not counted over time in which the listener was away", "[runtime][silence]") {
  listener x;
  x.hear(20s, 250ms);
  x.now += 60min; // stopped, or the lid was closed
  x.twin.on_tick(x.now);
  CHECK(x.twin.silent(x.now).empty());
  x.listen(1s);
  CHECK(x.twin.silent(x.now).empty());
  x.listen(2s);
  CHECK(x.twin.silent(x.now).size() == 1); // still nothing, now that somebody listens
}

TEST_CASE("a next life begins with no habit, and who is forgotten is not missed",
          "[runtime][silence]") {
  listener x;
  x.hear(2s, 250ms);
  x.listen(10s);
  x.twin.observe({somebody.name, {2}}, x.now);
  CHECK(x.twin.silent(x.now).empty());
  x.listen(10s);
  CHECK(x.twin.silent(x.now) == std::vector<actor_life>{{somebody.name, {2}}});
  x.twin.forget(somebody.name);
  CHECK(x.twin.silent(x.now).empty());
  CHECK(x.twin.phi(somebody.name, x.now) == 0);
}

TEST_CASE("CL-2: a worker that falls silent is killed and restarted as its next incarnation",
          "[runtime][supervisor][silence]") {
  running_job job;
  CHECK(job.pass(20s, nobody).events.empty());
  const auto lost = job.pass(4s, worker_name(1));
  REQUIRE(lost.events.size() == 1);
  CHECK_THAT(lost.events[0], Catch::Equals("worker-1 fell silent: nothing for 3.0 s, expected "
                                           "every 0.25 s"));
  CHECK(lost.kills == std::vector<actor_life>{{worker_name(1), {1}}});
  CHECK(lost.launches == std::vector<actor_life>{{worker_name(1), {2}}});
  CHECK(job.twin.summarise().restarts.worker == 1);
}

TEST_CASE("EN-1: a shard or a feeder that falls silent ends the term with that as its cause",
          "[runtime][supervisor][silence]") {
  for (const auto role : {actor_role::feeder, actor_role::shard}) {
    running_job job;
    job.pass(5s, nobody);
    CHECK(job.pass(29s, {role, 0}).kills.empty()); // it may yet come back, a restart may not
    const auto lost = job.pass(2s, {role, 0});
    CHECK(std::ranges::count(lost.kills, actor_life{{role, 0}, {1}}) == 1);
    CHECK(job.twin.fall());
    CHECK(job.twin.outcome() == job_outcome::failed);
    CHECK_THAT(job.twin.cause(), Catch::Contains("-0 fell silent: nothing for 30.0 s"));
  }
}

TEST_CASE("a supervisor that was stopped restarts nobody when it wakes",
          "[runtime][supervisor][silence]") {
  running_job job;
  job.pass(5s, nobody);
  job.now += 60s;
  CHECK(job.twin.on_tick(job.now).kills.empty()); // before it reads what has come
  CHECK(job.pass(10s, nobody).kills.empty());
}

TEST_CASE("who is restarted along with a worker is as the strategy says",
          "[runtime][supervisor][restart]") {
  for (const auto& [name, others] :
       {std::pair<std::string, std::size_t>{"one_for_one", 0}, {"rest_for_one", 0}, {"all", 1}}) {
    CAPTURE(name);
    restart_rule rule;
    rule.strategy = restart_strategy_of(name);
    running_job job(rule);
    const auto lost = job.twin.on_loss({worker_name(0), {1}}, "was killed (signal 9)", job.now);
    CHECK(lost.kills.size() == 1 + others);
    CHECK(lost.events.size() == 1 + others);
    REQUIRE(lost.view);
    CHECK(std::ranges::count(lost.view->members, false, &member::live) ==
          static_cast<std::ptrdiff_t>(1 + others));
    CHECK(job.pass(500ms, nobody).launches.size() == 1 + others);
  }
}

TEST_CASE("the rest are those behind in the order feeder, shards, workers, if restartable",
          "[runtime][restart]") {
  restart_rule rule;
  rule.strategy = restart_strategy::rest_for_one;
  const restart_rules rules(rule);
  const actor_name feeder{actor_role::feeder, 0}, shard{actor_role::shard, 0};
  CHECK(rules.is_restarted_with(worker_name(0), shard));
  CHECK(rules.is_restarted_with(worker_name(0), feeder));
  CHECK_FALSE(rules.is_restarted_with(worker_name(0), worker_name(1)));
  CHECK_FALSE(rules.is_restarted_with(shard, feeder)); // not built yet
  CHECK_FALSE(is_restartable(actor_role::shard));
}

TEST_CASE("EN-1: two that fall silent at once under all are each restarted once",
          "[runtime][supervisor][silence][restart]") {
  restart_rule rule;
  rule.strategy = restart_strategy::all;
  running_job job(rule);
  supervisor_effects lost;
  for (int tick = 0; tick < 13; ++tick) { // feeder and shard go on, both workers do not
    job.now += 250ms;
    feeder_report feeder;
    feeder.from = stamp_of(actor_role::feeder);
    job.twin.on_report(feeder, job.now);
    shard_report shard;
    shard.from = stamp_of(actor_role::shard);
    job.twin.on_report(shard, job.now);
    auto effects = job.twin.on_tick(job.now);
    std::ranges::move(effects.kills, std::back_inserter(lost.kills));
  }
  CHECK(lost.kills.size() == 2);
  CHECK(job.twin.summarise().restarts.worker == 2);
}

} // namespace lagrange::tests
