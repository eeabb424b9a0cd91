// Restart rules by role, what follows when an actor dies too often, and how a job says both.
#include "tests/support/builders.hpp"

#include "runtime/assembly.hpp"
#include "runtime/job.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

constexpr actor_name worker_name(std::uint32_t index) { return {actor_role::worker, index}; }

/// A supervisor of workers, one shard and a feeder, all of which are up.
struct running_job {
  explicit running_job(std::uint32_t workers, std::uint32_t least)
      : twin(options_of(workers, least), at(0ms)) {
    twin.start(at(0ms));
    come_up({actor_role::feeder, 0});
    come_up({actor_role::shard, 0});
    for (std::uint32_t index = 0; index < workers; ++index) come_up(worker_name(index));
    REQUIRE(twin.phase() == job_phase::running);
  }
  static supervisor_options options_of(std::uint32_t workers, std::uint32_t least) {
    supervisor_options made;
    made.self = stamp_of(actor_role::supervisor);
    made.job.workers = workers;
    made.job.leases = 10;
    made.job.shards = 1;
    made.silence.floor = 1h;
    made.workers_min = least;
    made.restart.worker.intensity = 0;
    made.restart.worker.escalation = restart_escalation::go_on;
    return made;
  }
  void come_up(actor_name name) {
    twin.on_join({name, {1}}, 100, at(0ms));
    twin.on_ready({name, {1}}, at(0ms));
  }
  supervisor_effects lose(std::uint32_t worker) {
    return twin.on_loss({worker_name(worker), {1}}, "was killed (signal 9)", at(1s));
  }
  supervisor twin;
};

job parsed(std::vector<std::string> set) {
  return parse_job("", "job.toml", set, catalog::standard()).value();
}

std::string refusal(std::vector<std::string> set) {
  const auto made = parse_job("", "job.toml", set, catalog::standard());
  return made ? "" : made.error().text;
}

} // namespace

TEST_CASE("deaths count by the rule of who died", "[runtime][restart]") {
  restart_policy policy;
  policy.worker = {1, 60s, 100ms};
  policy.shard = {3, 10s, 1s};
  policy.shard.has_own_intensity = true;
  restart_rules rules(policy);
  CHECK(rules.on_death(worker_name(0), at(0s)).wait == 100ms);
  CHECK_THAT(rules.on_death(worker_name(0), at(1s)).excess,
             Catch::Equals("it died 2 times within 60 s, more than restart.intensity = 1 allows"));
  CHECK(rules.on_death(worker_name(1), at(1s)).excess.empty());
  const actor_name shard{actor_role::shard, 0};
  for (int death = 0; death < 3; ++death)
    CHECK(rules.on_death(shard, at(0s)).wait == 1s * (1 << death));
  CHECK_THAT(rules.on_death(shard, at(1s)).excess,
             Catch::Contains("within 10 s, more than restart.shard.intensity = 3"));
  CHECK(rules.on_death(shard, at(30s)).wait == 1s); // those before are forgotten
}

TEST_CASE("EN-1: a job goes on without a worker that died too often, while enough are left",
          "[runtime][supervisor][restart]") {
  running_job job(4, 2);
  const auto lost = job.lose(2);
  CHECK(job.twin.phase() == job_phase::running);
  CHECK(lost.kills == std::vector<actor_life>{{worker_name(2), {1}}});
  REQUIRE(lost.events.size() == 2);
  CHECK(lost.events[1] == "worker-2 is given up: it died 1 times within 60 s, more than "
                          "restart.intensity = 0 allows; its leases go to the other workers, of "
                          "which 3 are left");
  REQUIRE(lost.view);
  CHECK_FALSE(lost.view->members[2].live);
  CHECK(job.twin.on_tick(at(1h)).launches.empty());
  CHECK_FALSE(job.twin.view().members[2].live);
  CHECK(job.twin.status(at(2s)).actors.back().state == "running");
  job.lose(0);
  CHECK(job.twin.summarise().given_up == std::vector<std::string>{"worker-0", "worker-2"});
  CHECK(job.lose(0).events.empty()); // told twice
  CHECK(job.lose(1).wants_nodes_ended);
  CHECK(job.twin.outcome() == job_outcome::failed);
  CHECK_THAT(job.twin.cause(), Catch::Contains("worker-1 was killed (signal 9); it died 1 times"));
}

TEST_CASE("EN-1: the last worker is never given up", "[runtime][supervisor][restart]") {
  running_job job(2, 0);
  job.lose(0);
  CHECK(job.twin.phase() == job_phase::running);
  job.lose(1);
  CHECK(job.twin.outcome() == job_outcome::failed);
}

TEST_CASE("a job whose last missing worker is given up has started",
          "[runtime][supervisor][restart]") {
  supervisor twin(running_job::options_of(2, 1), at(0ms));
  twin.start(at(0ms));
  for (const auto name :
       {actor_name{actor_role::feeder, 0}, actor_name{actor_role::shard, 0}, worker_name(0)}) {
    twin.on_join({name, {1}}, 100, at(0ms));
    twin.on_ready({name, {1}}, at(0ms));
  }
  CHECK(twin.phase() == job_phase::starting);
  twin.on_loss({worker_name(1), {1}}, "could not be started", at(1s));
  CHECK(twin.phase() == job_phase::running);
}

TEST_CASE("who comes back is told of with what it died of and what its death freed",
          "[runtime][supervisor][restart]") {
  auto options = running_job::options_of(1, 1);
  options.restart = {};
  supervisor twin(options, at(0ms));
  twin.start(at(0ms));
  const auto come_up = [&](actor_name name, std::uint32_t life, std::chrono::milliseconds now) {
    twin.on_join({name, {life}}, 100, at(now));
    return twin.on_ready({name, {life}}, at(now)).events;
  };
  come_up({actor_role::feeder, 0}, 1, 0ms);
  come_up({actor_role::shard, 0}, 1, 0ms);
  come_up(worker_name(0), 1, 0ms);
  twin.on_loss({worker_name(0), {1}}, "was killed (signal 9)", at(1s));
  twin.on_view_ack({stamp_of(actor_role::feeder, 0, 1, 2), {{{0}, {1}, {{881}}}}});
  twin.on_tick(at(1100ms));
  CHECK(come_up(worker_name(0), 2, 1420ms) ==
        std::vector<std::string>{"worker-0 was killed (signal 9); lease 881 dealt again; back in "
                                 "0.42 s as incarnation 2; 0 lost"});
  twin.on_loss({worker_name(0), {2}}, "was killed (signal 9)", at(2s));
  twin.on_view_ack({stamp_of(actor_role::feeder, 0, 1, 4), {}});
  twin.on_tick(at(3s));
  CHECK_THAT(come_up(worker_name(0), 3, 3s).front(), Catch::Contains("; no lease was open; back"));
}

TEST_CASE("a job says rules for all and for a role", "[runtime][job][restart]") {
  const auto x =
      parsed({"restart.intensity=7", "restart.period=2m", "restart.worker.intensity=10",
              "restart.shard.backoff=1s", "restart.worker.escalation=go_on", "restart.strategy=all",
              "restart.hang=5s", "restart.batch_deaths=4", "topology.min_workers=2"});
  CHECK(parse_job(to_toml(x), "job.toml", {}, catalog::standard()).value() == x);
  const data_facts facts{{{2}, 2}, 100};
  auto small = x;
  small.model.name = "softmax";
  const auto made = make_supervisor(small, catalog::standard(), facts, {});
  CHECK(made.restart.worker.intensity == 10);
  CHECK(made.restart.worker.has_own_intensity);
  CHECK(made.restart.worker.period == 2min);
  CHECK(made.restart.worker.escalation == restart_escalation::go_on);
  CHECK(made.restart.worker.strategy == restart_strategy::all);
  CHECK(made.restart.shard.intensity == 7);
  CHECK(made.restart.shard.backoff == 1s);
  CHECK(made.restart.shard.escalation == restart_escalation::end);
  CHECK(made.restart.feeder.backoff == 100ms);
  CHECK(made.workers_min == 2);
  CHECK(made.steps.floor == 5s);
  CHECK(make_feeder(small, catalog::standard(), facts, {}).batch_deaths == 4);
}

TEST_CASE("keys of a role are refused with the nearest name", "[runtime][job][restart]") {
  CHECK_THAT(refusal({"restart.worker.intensty=3"}),
             Catch::Contains("unknown key restart.worker.intensty") &&
                 Catch::Contains("did you mean \"restart.worker.intensity\"?"));
  CHECK_THAT(refusal({"restart.workr.intensity=3"}),
             Catch::Contains("unknown table restart.workr") &&
                 Catch::Contains("did you mean \"restart.worker\"?"));
  CHECK_THAT(refusal({"restart.shard.escalation=go_on"}), Catch::Contains("unknown key"));
  CHECK_THAT(refusal({"restart.worker.intensity=none"}),
             Catch::Contains("a whole number from 0 to 1000, or \"inherit\""));
  CHECK_THAT(refusal({"restart.worker.escalation=goon"}),
             Catch::Contains("did you mean \"go_on\"?"));
  CHECK_THAT(refusal({"restart.worker=3"}), Catch::Contains("expected a table [restart.worker]"));
}

} // namespace lagrange::tests
