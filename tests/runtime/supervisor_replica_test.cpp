// Laws of the supervisor about replicas: one decides between a shard and its replica, once.
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

constexpr actor_name feeder_name{actor_role::feeder, 0};
constexpr actor_name shard_name{actor_role::shard, 0};
constexpr actor_name replica_name{actor_role::replica, 0};
constexpr actor_name worker_name{actor_role::worker, 0};

struct replicated_job {
  replicated_job() : twin(options(), at(0ms)) {}
  static supervisor_options options() {
    supervisor_options made;
    made.self = stamp_of(actor_role::supervisor);
    made.job.workers = 1;
    made.job.shards = 1;
    made.job.replicas = 1;
    made.job.leases = 10;
    made.silence.floor = 1h; // these actors say nothing of themselves
    return made;
  }
  supervisor twin;
  time_point now = at(0ms);

  supervisor_effects come_up(actor_name name, std::uint32_t life = 1) {
    twin.on_join({name, {life}}, 100, now);
    return twin.on_ready({name, {life}}, now);
  }
  void run() {
    twin.start(now);
    for (const auto name : {feeder_name, replica_name, shard_name, worker_name}) come_up(name);
    REQUIRE(twin.phase() == job_phase::running);
  }
  void follow(std::uint32_t life = 1) {
    twin.on_follows({stamp_of(actor_role::shard, 0, life), {replica_name, {1}}});
  }
  supervisor_effects lose(actor_name name, std::uint32_t life = 1) {
    return twin.on_loss({name, {life}}, "was killed (signal 9)", now);
  }
};

} // namespace

TEST_CASE_METHOD(replicated_job,
                 "a shard is placed once its replica is up, so that both begin alike",
                 "[runtime][supervisor][replica]") {
  twin.start(now);
  come_up(feeder_name);
  CHECK(twin.on_join({shard_name, {1}}, 1, now).placements.empty());
  CHECK(twin.on_join({replica_name, {1}}, 2, now).placements.size() == 1);
  const auto next = twin.on_ready({replica_name, {1}}, now).placements;
  REQUIRE(next.size() == 1);
  CHECK(next[0].name == shard_name);
}

TEST_CASE_METHOD(replicated_job, "DU-1: a shard that dies goes on as its replica, and no term ends",
                 "[runtime][supervisor][replica]") {
  run();
  follow();
  const auto lost = lose(shard_name);
  CHECK(lost.kills == std::vector<actor_life>{{shard_name, {1}}});
  REQUIRE(lost.promotions.size() == 1);
  CHECK(lost.promotions[0].first == actor_life{replica_name, {1}});
  CHECK(lost.promotions[0].second == actor_life{shard_name, {2}});
  CHECK(twin.phase() == job_phase::running);
  now += 80ms;
  const auto back = twin.on_ready({shard_name, {2}}, now);
  REQUIRE(back.events.size() == 1);
  CHECK(back.events[0] == "shard-0 was killed (signal 9); its replica goes on as incarnation 2 "
                          "after 0.08 s; 0 lost");
  CHECK(back.view); // which the replica may have missed
  CHECK(twin.summarise().restarts.shard == 1);
  CHECK(twin.recoveries_ms() == std::vector<double>{80});
}

TEST_CASE_METHOD(replicated_job, "a promoted replica dies as its shard, by whichever name",
                 "[runtime][supervisor][replica]") {
  run();
  follow();
  lose(shard_name);
  twin.on_ready({shard_name, {2}}, now);
  const auto name = GENERATE(replica_name, shard_name);
  lose(name, name == shard_name ? 2 : 1);
  REQUIRE(twin.fall());
  CHECK(twin.fall()->who == shard_name);
}

TEST_CASE_METHOD(replicated_job,
                 "nobody is promoted who does not have all of this life of the shard",
                 "[runtime][supervisor][replica]") {
  run();
  if (GENERATE(true, false)) follow(3);
  CHECK(lose(shard_name).promotions.empty());
  CHECK(twin.fall());
}

TEST_CASE_METHOD(replicated_job,
                 "a shard hears that its replica is gone, which is then never promoted",
                 "[runtime][supervisor][replica]") {
  run();
  follow();
  const auto lost = lose(replica_name);
  CHECK(lost.gone == std::vector<actor_life>{{replica_name, {1}}});
  REQUIRE(lost.events.size() == 1);
  CHECK_THAT(lost.events[0], Catch::Contains("until another one has all that shard-0 has"));
  CHECK(twin.phase() == job_phase::running);
  CHECK(lose(shard_name).promotions.empty());
  CHECK(twin.fall());
}

TEST_CASE_METHOD(replicated_job,
                 "a shard that was placed with a replica hears of its death at once",
                 "[runtime][supervisor][replica]") {
  twin.start(now);
  come_up(feeder_name);
  come_up(replica_name);
  twin.on_join({shard_name, {1}}, 1, now);
  lose(replica_name); // while the shard comes up, and cannot hear anything
  const auto up = twin.on_ready({shard_name, {1}}, now);
  CHECK(up.gone == std::vector<actor_life>{{replica_name, {1}}});
}

TEST_CASE_METHOD(replicated_job, "before its shard is placed a replica is started again",
                 "[runtime][supervisor][replica]") {
  twin.start(now);
  come_up(replica_name);
  CHECK(lose(replica_name).gone.empty());
  now += 200ms;
  CHECK(twin.on_tick(now).launches == std::vector<actor_life>{{replica_name, {2}}});
}

} // namespace lagrange::tests
