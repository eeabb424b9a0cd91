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

/// A supervisor of two workers and two shards, and the clock that it sees.
struct job_probe {
  explicit job_probe(restart_rule restart = {}) : twin(options_of(restart), at(0ms)) {}
  static supervisor_options options_of(restart_rule restart) {
    supervisor_options made;
    made.self = stamp_of(actor_role::supervisor);
    made.job.workers = 2;
    made.job.shards = 2;
    made.job.leases = 10;
    made.job.epochs = 2;
    made.restart = restart;
    made.silence.floor = 1h; // these actors say nothing of themselves
    return made;
  }

  supervisor twin;
  time_point now = at(0ms);

  supervisor_effects join(actor_name name, std::uint32_t life = 1) {
    return twin.on_join({name, {life}}, 100 + name.index, now);
  }
  supervisor_effects ready(actor_name name, std::uint32_t life = 1) {
    return twin.on_ready({name, {life}}, now);
  }
  supervisor_effects lose(actor_name name, std::uint32_t life = 1) {
    return twin.on_loss({name, {life}}, "was killed (signal 9)", now);
  }
  supervisor_effects tick(std::chrono::milliseconds after) {
    now += after;
    return twin.on_tick(now);
  }
  void come_up(actor_name name, std::uint32_t life = 1) {
    join(name, life);
    ready(name, life);
  }
  static std::vector<actor_name> everyone() {
    return {feeder_name, shard_name(0), shard_name(1), worker_name(0), worker_name(1)};
  }
  void run() {
    twin.start(now);
    for (const auto name : everyone()) come_up(name);
    REQUIRE(twin.phase() == job_phase::running);
  }
  void acknowledge(std::uint64_t view) {
    twin.on_view_ack({stamp_of(actor_role::feeder, 0, 1, view)});
    for (std::uint32_t shard = 0; shard < 2; ++shard)
      twin.on_view_ack({stamp_of(actor_role::shard, shard, 1, view)});
  }
  supervisor_effects report(std::uint32_t epoch, bool is_finished = false) {
    feeder_report made;
    made.from = stamp_of(actor_role::feeder);
    made.epoch = epoch;
    made.finished = is_finished;
    return twin.on_report(made, now);
  }
  std::string state_of(actor_name name) const {
    const auto status = twin.status(now);
    return std::ranges::find(status.actors, name, &actor_status::name)->state;
  }
};

std::vector<actor_name> names_of(const std::vector<actor_life>& lives) {
  std::vector<actor_name> names;
  for (const auto& life : lives) names.push_back(life.name);
  return names;
}

using names = std::vector<actor_name>;

} // namespace

TEST_CASE("actors are placed in three waves: feeder, shards, workers", "[runtime][supervisor]") {
  job_probe job;
  CHECK(job.twin.start(job.now).launches.size() == 5);
  CHECK(job.join(worker_name(0)).placements.empty());
  CHECK(job.join(shard_name(1)).placements.empty());
  CHECK(names_of(job.join(feeder_name).placements) == names{feeder_name});
  CHECK(names_of(job.ready(feeder_name).placements) == names{shard_name(1)});
  CHECK(job.ready(shard_name(1)).placements.empty());
  CHECK(names_of(job.join(shard_name(0)).placements) == names{shard_name(0)});
  CHECK(names_of(job.ready(shard_name(0)).placements) == names{worker_name(0)});
  CHECK(names_of(job.join(worker_name(1)).placements) == names{worker_name(1)});
  job.ready(worker_name(0));
  CHECK(job.twin.phase() == job_phase::starting);
  job.ready(worker_name(1));
  CHECK(job.twin.phase() == job_phase::running);
  CHECK(job.join(worker_name(1)).placements.empty()); // told again
}

TEST_CASE("a worker that dies is restarted as its next incarnation after a back-off",
          "[runtime][supervisor]") {
  job_probe job;
  job.run();
  const auto lost = job.lose(worker_name(1));
  CHECK(lost.kills == std::vector<actor_life>{{worker_name(1), {1}}});
  CHECK(lost.launches.empty());
  CHECK(lost.events == std::vector<std::string>{"worker-1 was killed (signal 9)"});
  CHECK(job.state_of(worker_name(1)) == "restarting");
  CHECK(job.tick(99ms).launches.empty());
  CHECK(job.tick(1ms).launches == std::vector<actor_life>{{worker_name(1), {2}}});
  CHECK(job.tick(1ms).launches.empty());
  CHECK(job.join(worker_name(1), 1).placements.empty()); // the dead one's hello
  CHECK(names_of(job.join(worker_name(1), 2).placements) == names{worker_name(1)});
  const auto back = job.ready(worker_name(1), 2);
  CHECK_THAT(back.events.front(),
             Catch::Equals("worker-1 was killed (signal 9); its leases dealt again; back in 0.10 s "
                           "as incarnation 2; 0 lost"));
  CHECK(job.state_of(worker_name(1)) == "running");
  CHECK(job.twin.summarise().restarts.worker == 1);
}

TEST_CASE("CL-2: a death becomes a view at once, and so does the return", "[runtime][supervisor]") {
  job_probe job;
  job.run();
  const auto find = [](const membership_view& view, std::uint32_t worker) {
    return *std::ranges::find(view.members, worker_id{worker}, &member::worker);
  };
  const auto lost = job.lose(worker_name(1));
  REQUIRE(lost.view);
  CHECK(lost.view->from.view == view_number{2});
  CHECK_FALSE(find(*lost.view, 1).live);
  CHECK(find(*lost.view, 1).life == incarnation{1});
  CHECK(find(*lost.view, 0).live);
  // While nobody lives the next life, views name the dead one.
  const auto between = job.lose(worker_name(0));
  CHECK(find(*between.view, 1).life == incarnation{1});
  CHECK_FALSE(find(*between.view, 1).live);
  job.tick(100ms);
  job.come_up(worker_name(1), 2);
  CHECK(find(job.twin.view(), 1).life == incarnation{2});
  CHECK(find(job.twin.view(), 1).live);
  CHECK(job.twin.view().from.view == view_number{4});
}

TEST_CASE("CL-2: a view is repeated until feeder and shards have acknowledged it",
          "[runtime][supervisor]") {
  job_probe job;
  job.run();
  CHECK_FALSE(job.tick(5s).view); // the first one they start with
  job.lose(worker_name(1));
  CHECK_FALSE(job.tick(999ms).view);
  REQUIRE(job.tick(1ms).view);
  CHECK_FALSE(job.tick(999ms).view);
  job.acknowledge(1); // of an older view
  job.twin.on_view_ack({stamp_of(actor_role::shard, 0, 1, 2)});
  job.twin.on_view_ack({stamp_of(actor_role::feeder, 0, 1, 2)});
  CHECK(job.tick(1s).view);
  job.acknowledge(2);
  CHECK_FALSE(job.tick(1s).view);
  CHECK_FALSE(job.tick(10s).view);
}

TEST_CASE("a loss told twice counts once", "[runtime][supervisor]") {
  job_probe job({1, 60s, 100ms});
  job.run();
  job.lose(worker_name(0));
  for (int i = 0; i < 5; ++i) {
    const auto again = job.lose(worker_name(0));
    CHECK(again.kills.empty());
    CHECK_FALSE(again.view);
  }
  job.tick(100ms);
  CHECK(job.lose(worker_name(0)).kills.empty()); // while life 2 starts
  CHECK(job.twin.phase() == job_phase::running);
  CHECK(job.twin.summarise().restarts.worker == 1);
}

TEST_CASE("the back-off doubles with each death in a row and is forgotten after the period",
          "[runtime][supervisor]") {
  job_probe job({8, 60s, 100ms});
  job.run();
  std::uint32_t life = 1;
  const auto backoff = [&] {
    job.lose(worker_name(0), life++);
    auto waited = 0ms;
    while (job.tick(50ms).launches.empty()) waited += 50ms;
    job.come_up(worker_name(0), life);
    return waited + 50ms;
  };
  CHECK(backoff() == 100ms);
  CHECK(backoff() == 200ms);
  CHECK(backoff() == 400ms);
  CHECK(backoff() == 800ms);
  job.now += 61s;
  CHECK(backoff() == 100ms);
}

TEST_CASE("EN-1: a worker that dies too often ends the job with the cause named",
          "[runtime][supervisor]") {
  job_probe job({2, 60s, 100ms});
  job.run();
  for (std::uint32_t life = 1; life <= 2; ++life) {
    job.lose(worker_name(0), life);
    CHECK(job.tick(1s).launches.size() == 1);
    job.come_up(worker_name(0), life + 1);
  }
  const auto end = job.lose(worker_name(0), 3);
  CHECK(end.wants_nodes_ended);
  CHECK(end.kills.size() == 1);
  CHECK(job.twin.outcome() == job_outcome::failed);
  CHECK_THAT(job.twin.cause(), Catch::Contains("worker-0 was killed (signal 9)") &&
                                   Catch::Contains("died 3 times within 60 s") &&
                                   Catch::Contains("restart.intensity = 2"));
  CHECK(job.tick(1s).launches.empty());
}

TEST_CASE("EN-1: the death of a shard or the feeder is the end of the term, with the cause named",
          "[runtime][supervisor]") {
  const auto name = GENERATE(shard_name(1), feeder_name);
  job_probe job;
  job.run();
  CHECK_FALSE(job.twin.fall());
  const auto end = job.lose(name);
  CHECK(end.kills.size() == job_probe::everyone().size()); // the next term begins with nobody left
  CHECK(end.launches.empty());
  CHECK(job.twin.phase() == job_phase::ended);
  REQUIRE(job.twin.fall());
  CHECK(job.twin.fall()->who == name);
  CHECK(job.twin.fall()->cause == "was killed (signal 9)");
  CHECK(job.twin.cause() == to_string(name) + " was killed (signal 9)");
  CHECK(job.twin.summarise().outcome == "failed");
}

TEST_CASE("EN-1: what does not come up in time is lost", "[runtime][supervisor]") {
  job_probe job;
  job.twin.start(job.now);
  SECTION("a worker is started again") {
    for (const auto name : job_probe::everyone())
      if (name != worker_name(1)) job.come_up(name);
    CHECK(job.tick(29'999ms).kills.empty());
    const auto late = job.tick(1ms);
    CHECK(late.kills == std::vector<actor_life>{{worker_name(1), {1}}});
    CHECK(late.events.front() == "worker-1 did not come up in time");
    CHECK(job.tick(100ms).launches == std::vector<actor_life>{{worker_name(1), {2}}});
  }
  SECTION("a shard ends the term") {
    for (const auto name : job_probe::everyone())
      if (name != shard_name(1)) job.come_up(name);
    CHECK_FALSE(job.tick(30s).kills.empty());
    CHECK(job.twin.fall());
    CHECK_THAT(job.twin.cause(), Catch::StartsWith("shard-1 did not come up in time"));
  }
  SECTION("a node that joined but never got its actor running counts as well") {
    job.join(feeder_name);
    job.tick(30s);
    CHECK(job.twin.fall());
  }
  SECTION("a node that cannot be started says why") {
    const auto effects =
        job.twin.on_launch_failure({feeder_name, {1}}, "no such file: \"lagrange\"", job.now);
    CHECK_FALSE(effects.kills.empty());
    CHECK_THAT(job.twin.cause(), Catch::Contains("could not be started: no such file"));
  }
}

TEST_CASE("EN-1: a tick that has several things to do does all of them", "[runtime][supervisor]") {
  job_probe job({5, 60s, 10s});
  job.run();
  job.lose(worker_name(1));
  CHECK(job.tick(10s).launches == std::vector<actor_life>{{worker_name(1), {2}}});
  job.tick(20s);
  job.lose(worker_name(0));
  // Worker 0 is due, worker 1 has not come up in its 30 s, and nobody has acknowledged the view.
  const auto all = job.tick(10s);
  CHECK(all.launches == std::vector<actor_life>{{worker_name(0), {2}}});
  CHECK(all.kills == std::vector<actor_life>{{worker_name(1), {2}}});
  REQUIRE(all.view);
  CHECK(all.view->from.view == job.twin.self().view);
}

TEST_CASE("evaluations are due at parts of an epoch, once each, whatever was passed over",
          "[runtime][supervisor]") {
  auto options = job_probe::options_of({});
  options.evaluate_every = 250; // of 2 epochs of 5 leases
  supervisor twin(options, at(0ms));
  const auto is_due = [&](std::uint64_t closed) {
    feeder_report report;
    report.closed = closed;
    return twin.on_report(report, at(0ms)).wants_evaluation;
  };
  CHECK_FALSE(is_due(1)); // 0.2 of an epoch
  CHECK(is_due(2));
  CHECK(twin.epochs_evaluated() == 0.25);
  CHECK_FALSE(is_due(2));
  CHECK(is_due(6)); // 1.2: three were due
  CHECK(twin.epochs_evaluated() == 1);
  CHECK_FALSE(is_due(6));
  CHECK(is_due(7));
}

TEST_CASE("a job that is done: figures, nodes ended, ended", "[runtime][supervisor]") {
  job_probe job;
  job.run();
  CHECK(job.report(1).wants_evaluation);
  CHECK_FALSE(job.report(1).wants_evaluation); // once an epoch
  const auto finished = job.report(2, true);
  CHECK(finished.wants_figures);
  CHECK_FALSE(finished.wants_nodes_ended);
  CHECK(job.twin.phase() == job_phase::collecting);
  CHECK_FALSE(job.report(2, true).wants_figures);
  job.lose(worker_name(0)); // it has nothing to do any more: no restart, no failure
  CHECK(job.twin.on_figures(job.now).wants_nodes_ended);
  CHECK_FALSE(job.twin.on_figures(job.now).wants_nodes_ended);
  for (const auto name : job_probe::everyone()) {
    CHECK(job.twin.phase() == job_phase::ending);
    job.lose(name);
  }
  CHECK(job.twin.phase() == job_phase::ended);
  CHECK(job.twin.outcome() == job_outcome::done);
  CHECK(job.twin.cause().empty());
}

TEST_CASE("a shard that dies before it has handed over its parameters ends the term",
          "[runtime][supervisor]") {
  job_probe job;
  job.run();
  job.report(2, true);
  job.lose(shard_name(0));
  CHECK(job.twin.fall());
  CHECK(job.twin.outcome() == job_outcome::failed);
}

TEST_CASE("EN-1: neither the last figures nor a node that will not end keep a job alive",
          "[runtime][supervisor]") {
  job_probe job;
  job.run();
  job.report(2, true);
  SECTION("figures that never come") {
    CHECK_FALSE(job.tick(4999ms).wants_nodes_ended);
    CHECK(job.tick(1ms).wants_nodes_ended);
    CHECK(job.twin.outcome() == job_outcome::failed);
    CHECK_THAT(job.twin.cause(), Catch::Contains("did not hand over their parameters"));
  }
  SECTION("figures that come") { job.twin.on_figures(job.now); }
  CHECK(job.twin.phase() == job_phase::ending);
  job.tick(4999ms);
  CHECK(job.twin.phase() == job_phase::ending);
  job.tick(1ms);
  CHECK(job.twin.phase() == job_phase::ended);
}

TEST_CASE("EN-1: a stop ends the job in order from any phase", "[runtime][supervisor]") {
  job_probe job;
  std::vector<actor_name> there = job_probe::everyone();
  SECTION("while it starts") { job.twin.start(job.now); }
  SECTION("while it runs") { job.run(); }
  SECTION("while a worker waits for its restart") {
    job.run();
    job.lose(worker_name(0));
    std::erase(there, worker_name(0)); // it is gone already
  }
  SECTION("while the last figures are collected") {
    job.run();
    job.report(2, true);
  }
  CHECK(job.twin.on_stop(job.now).wants_nodes_ended);
  CHECK(job.twin.outcome() == job_outcome::interrupted);
  CHECK_FALSE(job.twin.on_stop(job.now).wants_nodes_ended);
  CHECK(job.tick(1s).launches.empty());
  for (const auto name : there) job.lose(name);
  CHECK(job.twin.phase() == job_phase::ended);
  CHECK(job.twin.summarise().outcome == "interrupted");
}

TEST_CASE("the status has a row for every actor", "[runtime][supervisor]") {
  job_probe job;
  job.twin.start(job.now);
  CHECK(job.state_of(worker_name(0)) == "starting");
  for (const auto name : job_probe::everyone()) job.come_up(name);
  job.lose(worker_name(1));
  const auto status = job.twin.status(at(1500ms));
  CHECK(status.elapsed == 1500ms);
  CHECK(status.leases == 10);
  REQUIRE(status.actors.size() == 5);
  for (const auto& row : status.actors) {
    const bool is_lost = row.name == worker_name(1);
    CHECK(row.state == (is_lost ? "restarting" : "running"));
    CHECK(row.pid == (is_lost ? 0 : 100 + row.name.index));
    CHECK(row.restarts == (is_lost ? 1 : 0));
    CHECK(row.life == incarnation{is_lost ? 2U : 1U});
  }
}

} // namespace lagrange::tests
