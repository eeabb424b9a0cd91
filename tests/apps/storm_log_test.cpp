#include "apps/storm_log.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace lagrange;
using apps::told_status;
using runtime::actor_role;
using runtime::blow;
using std::chrono::milliseconds;

namespace {

/// A job of one worker and one shard, as it tells of itself.
told_status seen(std::uint32_t term, std::uint32_t life, std::int64_t clock, std::uint64_t closed,
                 const std::string& state = "running") {
  return {.job = "tested",
          .policy = "ssp:3",
          .term = term,
          .supervisor = 10,
          .elapsed_seconds = 0,
          .leases = 1000,
          .leases_closed = closed,
          .actors = {{"worker-0", life, 11, state, clock}, {"shard-0", term, 12, "running", -1}}};
}

runtime::strike strike(actor_role role, blow what = blow::kill, milliseconds stopped = {}) {
  return {{role, 0}, what, stopped, 0.1, {}};
}

} // namespace

TEST_CASE("a killed worker is back when its next incarnation has stepped", "[apps][storm]") {
  apps::storm_log log;
  log.on_strike(strike(actor_role::worker), 11, seen(1, 1, 50, 100), milliseconds(1000));
  CHECK(log.is_open("worker-0"));
  CHECK_FALSE(log.is_open("shard-0"));
  // Nobody has noticed yet, though it seems to go on; then it is on its way.
  CHECK(log.on_status(seen(1, 1, 51, 101), milliseconds(1100)).empty());
  CHECK(log.on_status(seen(1, 2, -1, 102, "starting"), milliseconds(1200)).empty());
  CHECK(log.on_status(seen(1, 2, 0, 103), milliseconds(1300)).empty());
  CHECK(log.on_status(seen(1, 2, 0, 120), milliseconds(1400)).empty());  // others go on
  CHECK(log.on_status(seen(1, 2, 60, 120), milliseconds(1400)).empty()); // where it began
  const auto said = log.on_status(seen(1, 2, 61, 121), milliseconds(1450));
  REQUIRE(said.size() == 1);
  CHECK(said.front() == "worker-0 is back after 0.45 s");
  CHECK_FALSE(log.is_open("worker-0"));
  CHECK(log.recoveries(actor_role::worker, blow::kill) == std::vector<double>{450});
}

TEST_CASE("a killed shard or supervisor is back when a later term closes leases", "[apps][storm]") {
  for (const auto role : {actor_role::shard, actor_role::supervisor}) {
    apps::storm_log log;
    log.on_strike(strike(role), 12, seen(1, 1, 50, 100), milliseconds(0));
    CHECK(log.on_status(seen(1, 1, 51, 110), milliseconds(50)).empty());
    CHECK(log.on_status(seen(2, 2, 0, 90), milliseconds(500)).empty()); // went back to a cut
    CHECK(log.on_status(seen(2, 2, 0, 90), milliseconds(600)).empty());
    CHECK(log.on_status(seen(3, 3, 0, 95), milliseconds(650)).empty()); // and again
    CHECK(log.on_status(seen(3, 3, 2, 97), milliseconds(660)).empty()); // what the cut had
    CHECK(log.on_status(seen(3, 3, 2, 97), milliseconds(680)).empty());
    CHECK(log.on_status(seen(3, 3, 2, 98), milliseconds(700)).size() == 1);
    CHECK(log.recoveries(role, blow::kill) == std::vector<double>{700});
  }
}

TEST_CASE("who was only stopped is back when it steps after it was let go on", "[apps][storm]") {
  apps::storm_log log;
  log.on_strike(strike(actor_role::worker, blow::stop, milliseconds(800)), 11, seen(1, 1, 50, 100),
                milliseconds(0));
  CHECK(log.on_status(seen(1, 1, 51, 110), milliseconds(700)).empty()); // what was on its way
  CHECK(log.on_status(seen(1, 1, 51, 120), milliseconds(810)).empty());
  CHECK(log.on_status(seen(1, 1, 52, 130), milliseconds(820)).empty());
  CHECK(log.on_status(seen(1, 1, 53, 130), milliseconds(850)).size() == 1);
  CHECK(log.recoveries(actor_role::worker, blow::stop) == std::vector<double>{850});
}

TEST_CASE("a job that is done has everybody back", "[apps][storm]") {
  apps::storm_log log;
  log.on_strike(strike(actor_role::worker), 11, seen(1, 1, 50, 100), milliseconds(0));
  log.on_strike(strike(actor_role::feeder), 13, seen(1, 1, 50, 990), milliseconds(300));
  log.on_done(milliseconds(400));
  CHECK(log.recoveries(actor_role::worker, blow::kill) == std::vector<double>{400});
  const auto figures = log.figures();
  CHECK(figures["feeder"]["kill"]["p99"] == 100);
  CHECK(figures["feeder"]["kill"]["back"] == 1);
  CHECK_FALSE(figures.contains("shard"));
  CHECK(log.rows().size() == 2);
  CHECK(log.rows()[1]["recovery_ms"] == 100);
  CHECK(log.table().find("feeder      kill         1     1      100 ms") != std::string::npos);
}

TEST_CASE("who never came back has no time of recovery", "[apps][storm]") {
  apps::storm_log log;
  log.on_strike(strike(actor_role::worker), 11, seen(1, 1, 50, 100), milliseconds(0));
  CHECK(log.figures()["worker"]["kill"]["back"] == 0);
  CHECK(log.figures()["worker"]["kill"]["p50"].is_null());
  CHECK(log.rows()[0]["recovery_ms"].is_null());
}

TEST_CASE("a status that is told is read as it was", "[apps][storm]") {
  runtime::job_status status;
  status.job = "a \"quoted\" name";
  status.policy = "ssp:3";
  status.leases = 40;
  status.leases_closed = 10;
  status.elapsed = milliseconds(1500);
  status.actors.push_back(
      {.name = {actor_role::worker, 2}, .life = {3}, .pid = 4711, .state = "running", .clock = 17});
  status.actors.push_back({.name = {actor_role::feeder, 0}, .life = {1}, .state = "starting"});
  const auto read = apps::read_status("ok " + apps::tell_status(status, {2}));
  REQUIRE(read.has_value());
  CHECK(read.value().job == status.job);
  CHECK(read.value().term == 2);
  CHECK(read.value().supervisor == ::getpid());
  CHECK(read.value().share() == 0.25);
  CHECK(read.value().elapsed_seconds == 1.5);
  CHECK(read.value().actors == std::vector<apps::told_actor>{{"worker-2", 3, 4711, "running", 17},
                                                             {"feeder-0", 1, 0, "starting", -1}});
  for (const auto* text : {"", "ok ", "refused no", "ok {}", "ok []", "ok {\"job\": 3}"})
    CHECK_FALSE(apps::read_status(text).has_value());
}
