// Workers that join a running job, and that are drained: what the supervisor makes of both.
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

constexpr actor_name worker_name(std::uint32_t index) { return {actor_role::worker, index}; }

/// A supervisor of two workers, with room for three, one shard and a feeder, all of which are up.
struct elastic_job {
  explicit elastic_job(const std::function<void(supervisor_options&)>& change = {})
      : twin(options_of(change), at(0ms)) {
    twin.start(at(0ms));
    come_up({actor_role::feeder, 0});
    come_up({actor_role::shard, 0});
    for (std::uint32_t index = 0; index < 2; ++index)
      if (twin.view().members[index].live) come_up(worker_name(index));
    REQUIRE(twin.phase() == job_phase::running);
  }
  static supervisor_options options_of(const std::function<void(supervisor_options&)>& change) {
    supervisor_options made;
    made.self = stamp_of(actor_role::supervisor);
    made.job.workers = 2;
    made.job.leases = 10;
    made.job.shards = 1;
    made.silence.floor = 1h;
    made.places = 3;
    made.build = "abc";
    if (change) change(made);
    return made;
  }
  supervisor_effects come_up(actor_name name, std::uint32_t life = 1) {
    twin.on_join({name, {life}}, 100, at(0ms));
    return twin.on_ready({name, {life}}, at(0ms));
  }
  join_answer ask(const std::string& build = "abc") {
    supervisor_effects out;
    auto made = twin.on_join_request({4711, build}, at(1s), out);
    events = out.events;
    return made;
  }
  drain_receipt drain(actor_name who) {
    last = {};
    return twin.on_drain_request({who}, at(1s), last);
  }
  supervisor_effects drained(actor_life who) {
    feeder_report report;
    report.from = stamp_of(actor_role::feeder);
    report.drained = {who};
    return twin.on_report(report, at(2s));
  }
  std::string state_of(std::uint32_t index) const {
    for (const auto& row : twin.status(at(2s)).actors)
      if (row.name == worker_name(index)) return row.state;
    return "not there";
  }

  supervisor twin;
  supervisor_effects last;
  std::vector<std::string> events;
};

} // namespace

TEST_CASE("a node that asks gets the lowest vacant place, and is in the view once it is up",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  CHECK(job.twin.view().members.size() == 2); // of the third nobody has heard
  CHECK(job.state_of(2) == "not there");
  const auto answer = job.ask();
  REQUIRE(answer.refusal.empty());
  CHECK(answer.who == actor_life{worker_name(2), {1}});
  CHECK(job.twin.view().members.size() == 2);
  const auto placed = job.twin.on_join(answer.who, 4711, at(1s));
  CHECK(placed.placements == std::vector<actor_life>{answer.who});
  const auto up = job.twin.on_ready(answer.who, at(1s));
  REQUIRE(up.view);
  REQUIRE(up.view->members.size() == 3);
  CHECK(up.view->members[2].live);
  CHECK_THAT(up.events.front(), Catch::Contains("worker-2 joined as incarnation 1: 3 workers are"));
  CHECK(job.twin.on_question({answer.who}).is_member);
  CHECK(job.twin.summarise().joined == std::vector<std::string>{"worker-2"});
}

TEST_CASE("a node is refused where there is no room, of another build, and by a job that ends",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  CHECK_THAT(job.ask("xyz").refusal,
             Catch::Contains("build xyz") && Catch::Contains("expected build abc"));
  CHECK(job.ask().refusal.empty());
  CHECK_THAT(job.ask().refusal, Catch::Contains("topology.max_workers = 3"));
  job.twin.on_failure("it broke", at(1s));
  CHECK_THAT(job.ask().refusal, Catch::Contains("the job is over"));
}

TEST_CASE("a guest that dies is not started again: its place is vacant, and its life is fenced",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  const auto first = job.ask().who;
  job.come_up(first.name);
  const auto lost = job.twin.on_loss(first, "fell silent", at(2s));
  CHECK(lost.launches.empty());
  REQUIRE(lost.view);
  CHECK_FALSE(lost.view->members[2].live);
  CHECK(lost.view->members[2].life == incarnation{1});
  CHECK_THAT(lost.events.front(),
             Catch::Contains("it had joined, so nobody here starts it again") &&
                 Catch::Contains("2 workers are left"));
  CHECK(job.twin.on_tick(at(1h)).launches.empty());
  CHECK(job.state_of(2) == "vacant");
  const auto told = job.twin.on_question({first});
  CHECK_FALSE(told.is_member);
  CHECK_FALSE(told.is_over);
  CHECK(told.why_not == "fell silent");
  const auto second = job.ask();
  CHECK(second.who == actor_life{worker_name(2), {2}}); // no life twice
  CHECK_FALSE(job.twin.view().members[2].live);
}

TEST_CASE("EN-1: a guest that does not come up in time leaves its place to the next",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  const auto first = job.ask().who;
  CHECK_THAT(job.ask().refusal, Catch::Contains("are taken"));
  const auto late = job.twin.on_tick(at(1min));
  CHECK(job.twin.phase() == job_phase::running);
  CHECK_THAT(late.events.front(), Catch::Contains("about to join, did not come up in time"));
  CHECK_FALSE(job.twin.on_question({first}).is_member);
  CHECK(job.ask().who == actor_life{worker_name(2), {2}});
}

TEST_CASE("EN-1: a job that loses a guest ends if fewer than topology.min_workers are left",
          "[runtime][supervisor][elastic]") {
  elastic_job job([](supervisor_options& x) { x.workers_min = 3; });
  const auto guest = job.ask().who;
  job.come_up(guest.name);
  CHECK(job.twin.on_loss(guest, "was killed", at(2s)).wants_nodes_ended);
  CHECK_THAT(job.twin.cause(), Catch::Contains("fewer than topology.min_workers = 3"));
}

TEST_CASE("a link between a guest and a shard that breaks costs the guest, not the shard",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  const auto guest = job.ask().who;
  job.come_up(guest.name);
  const actor_life shard{{actor_role::shard, 0}, {1}};
  CHECK(job.twin.on_link_loss(shard, "was lost", guest, at(2s)).kills.empty());
  CHECK(job.twin.phase() == job_phase::running);
  CHECK(job.twin.on_tick(at(3s)).kills.empty()); // the shard may yet turn out to be dead
  const auto verdict = job.twin.on_tick(at(5s));
  CHECK(verdict.kills == std::vector<actor_life>{guest});
  CHECK(job.state_of(2) == "vacant");
  CHECK(job.twin.phase() == job_phase::running);
  // What it says later, of a cut that has healed, is not heard.
  CHECK(job.twin.on_link_loss(shard, "was lost", guest, at(6s)).kills.empty());
  job.twin.on_tick(at(10s));
  CHECK(job.twin.phase() == job_phase::running);
  // Of a worker that the job has started itself it is heard.
  job.twin.on_link_loss(shard, "was lost", {worker_name(0), {1}}, at(11s));
  CHECK(job.twin.fall());
}

TEST_CASE("a drained worker leaves once nothing of it is open, and its node ends in order",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  const auto receipt = job.drain(worker_name(1));
  REQUIRE(receipt.refusal.empty());
  CHECK(receipt.who == actor_life{worker_name(1), {1}});
  REQUIRE(job.last.view);
  CHECK(job.last.view->members[1].is_leaving);
  CHECK(job.last.view->members[1].live);
  CHECK(job.state_of(1) == "draining");
  CHECK_THAT(job.drain(worker_name(1)).refusal, Catch::Contains("being drained already"));
  const auto done = job.drained(receipt.who);
  CHECK(done.farewells == std::vector<actor_life>{receipt.who});
  REQUIRE(done.view);
  CHECK_FALSE(done.view->members[1].live);
  CHECK_THAT(done.events.front(),
             Catch::Contains("worker-1 was drained") && Catch::Contains("1 worker is left"));
  CHECK(job.state_of(1) == "vacant");
  CHECK(job.drained(receipt.who).events.empty()); // told twice
  CHECK(job.twin.on_loss(receipt.who, "ended by itself", at(3s)).launches.empty());
  CHECK(job.twin.on_question({receipt.who}).is_over);
  CHECK(job.twin.summarise().left == std::vector<std::string>{"worker-1"});
  CHECK(job.twin.vacant() == std::set<worker_id>{{1}});
  CHECK(job.ask().who == actor_life{worker_name(1), {2}});
}

TEST_CASE("a drain of what cannot be drained is refused, with what could",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  CHECK_THAT(job.drain({actor_role::shard, 0}).refusal,
             Catch::Contains("shard-0 is no worker") && Catch::Contains("worker-0, worker-1"));
  CHECK_THAT(job.drain(worker_name(2)).refusal, // vacant
             Catch::Contains("there is no worker-2, expected one of worker-0, worker-1"));
  CHECK_THAT(job.drain(worker_name(9)).refusal, Catch::Contains("there is no worker-9"));
  CHECK(job.drain(worker_name(0)).refusal.empty());
  CHECK_THAT(job.drain(worker_name(1)).refusal,
             Catch::Contains("would have 0, expected at least 1 (topology.min_workers)"));
}

TEST_CASE("EN-1: however many were drained, the next term has enough workers to begin with",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  job.come_up(job.ask().who.name);
  for (std::uint32_t index = 0; index < 2; ++index) {
    CHECK(job.drain(worker_name(index)).refusal.empty());
    job.drained({worker_name(index), {1}});
  }
  CHECK(job.twin.vacant() == std::set<worker_id>{{1}});
}

TEST_CASE("a worker that dies while it is drained is gone for good",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  job.drain(worker_name(0));
  const auto lost = job.twin.on_loss({worker_name(0), {1}}, "was killed (signal 9)", at(2s));
  CHECK(job.twin.on_tick(at(1min)).launches.empty());
  CHECK_THAT(lost.events.front(), Catch::Contains("it was being drained"));
  CHECK(job.state_of(0) == "vacant");
}

TEST_CASE("CO-1: the norm of what a worker's codec had not sent is told when it goes for good",
          "[runtime][supervisor][elastic]") {
  elastic_job job;
  worker_report report;
  report.from = worker_stamp(1, 1);
  report.unsent = 2.5;
  job.twin.on_report(report, at(1s));
  job.drain(worker_name(1));
  CHECK_THAT(job.drained({worker_name(1), {1}}).events.front(), Catch::Contains("of norm 2.5"));
}

TEST_CASE("a term begins without those that were drained before, and tells the shards so",
          "[runtime][supervisor][elastic]") {
  elastic_job job([](supervisor_options& x) { x.vacant = {{1}}; });
  CHECK_FALSE(job.twin.view().members[1].live);
  CHECK(job.state_of(1) == "vacant");
  REQUIRE(job.twin.on_tick(at(2s)).view); // until it is acknowledged
  CHECK(job.ask().who == actor_life{worker_name(1), {2}});
}

} // namespace lagrange::tests
