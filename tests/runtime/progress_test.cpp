#include "runtime/progress.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

worker_report worker_figures(std::uint32_t worker, std::uint32_t life, std::uint64_t steps,
                             double loss = -1) {
  worker_report made;
  made.from = worker_stamp(worker, life);
  made.clock = {steps};
  made.steps = steps;
  made.samples = steps * 10;
  made.loss = loss;
  made.loss_steps = loss >= 0 ? 1 : 0;
  made.compute = steps * 3ms;
  made.waiting = steps * 1ms;
  return made;
}

shard_report shard_figures(std::uint32_t shard, std::uint64_t version) {
  shard_report made;
  made.from = stamp_of(actor_role::shard, shard);
  made.version = {version};
  made.applied = made.entered = version;
  made.pushed_bytes = 100;
  made.pulled_bytes = 1000;
  made.staleness = {90, 9, 0, 1};
  made.lag_max = shard + 1;
  return made;
}

feeder_report feeder_figures(std::uint64_t issued, std::uint64_t applied, std::uint64_t dropped,
                             bool is_finished) {
  feeder_report made;
  made.from = stamp_of(actor_role::feeder);
  made.issued = issued;
  made.applied = applied;
  made.dropped = dropped;
  made.samples = applied * 10;
  made.epoch = is_finished ? 2 : 1;
  made.finished = is_finished;
  return made;
}

progress_options options_of() {
  progress_options made;
  made.job = "law";
  made.policy = "ssp:3";
  made.workers = 2;
  made.shards = 2;
  made.epochs = 2;
  made.leases = 100;
  made.target = 0.8;
  return made;
}

} // namespace

TEST_CASE("a summary adds up the last report of every actor", "[runtime][progress]") {
  progress figures(options_of(), at(0ms));
  figures.on_report(worker_figures(0, 1, 1, 4.0), at(1s)); // the first step of the job
  figures.on_report(worker_figures(1, 1, 30, 1.0), at(2s));
  figures.on_report(worker_figures(0, 1, 70, 2.0), at(3s));
  figures.on_report(shard_figures(0, 97));
  figures.on_report(shard_figures(1, 97));
  figures.on_report(feeder_figures(100, 97, 3, true), at(11s));
  const auto summary = figures.summarise();
  CHECK(summary.job == "law");
  CHECK(summary.policy == "ssp:3");
  CHECK(summary.epochs == 2);
  CHECK(summary.updates == 97);
  CHECK(summary.train_seconds == Approx(10));
  CHECK(*summary.samples_per_second == Approx(97));
  CHECK(*summary.train_loss == Approx(1.5));
  CHECK(summary.leases.issued == 100);
  CHECK(summary.leases.applied == 97);
  CHECK(summary.leases.dropped == 3);
  CHECK(summary.leases.lost == 0);
  CHECK(summary.leases.duplicated == 0);
  CHECK(summary.bytes.pushed == 200);
  CHECK(summary.bytes.pulled == 2000);
  CHECK(summary.lag_max == 2);
  CHECK(*summary.wait_share == Approx(0.25));
  CHECK(*summary.staleness.p50 == 0);
  CHECK(*summary.staleness.p99 == 1);
  CHECK(*summary.staleness.max == 3);
}

TEST_CASE("what was not measured is unknown, not zero", "[runtime][progress]") {
  const progress figures(options_of(), at(0ms));
  const auto summary = figures.summarise();
  CHECK_FALSE(summary.samples_per_second);
  CHECK_FALSE(summary.test_accuracy);
  CHECK_FALSE(summary.train_loss);
  CHECK_FALSE(summary.time_to_target_seconds);
  CHECK_FALSE(summary.wait_share);
  CHECK_FALSE(summary.staleness.p50);
  CHECK_FALSE(summary.recovery_ms.p50);
  CHECK(figures.status(at(1s)).loss < 0);
  CHECK(figures.status(at(1s)).test_accuracy < 0);
}

TEST_CASE("LE-1: the audit shows a lease that is lost and a gradient that is applied twice",
          "[runtime][progress]") {
  progress figures(options_of(), at(0ms));
  figures.on_report(feeder_figures(100, 96, 3, true), at(1s));
  auto twice = shard_figures(1, 97);
  twice.applied = 99;
  figures.on_report(shard_figures(0, 97));
  figures.on_report(twice);
  CHECK(figures.summarise().leases.lost == 1);
  CHECK(figures.summarise().leases.duplicated == 2);
}

TEST_CASE("a worker's time counts over all its lives, and its recovery from loss to first step",
          "[runtime][progress]") {
  progress figures(options_of(), at(0ms));
  figures.on_report(worker_figures(0, 1, 10), at(1s));
  figures.on_loss({actor_role::worker, 0}, at(2s));
  figures.on_report(worker_figures(0, 2, 0), at(2300ms)); // up, but no step yet
  CHECK_FALSE(figures.summarise().recovery_ms.p50);
  figures.on_report(worker_figures(0, 2, 1), at(2500ms));
  figures.on_report(worker_figures(0, 1, 11), at(2600ms)); // late, from the dead one
  figures.on_report(worker_figures(0, 2, 4), at(3s));
  figures.on_report(worker_figures(0, 2, 3), at(3100ms)); // overtaken
  const auto summary = figures.summarise();
  CHECK(summary.restarts.worker == 1);
  CHECK(*summary.recovery_ms.p50 == Approx(500));
  CHECK(*summary.recovery_ms.p99 == Approx(500));
  CHECK(*summary.wait_share == Approx(0.25)); // of 14 steps, as of each
  actor_status row;
  row.name = {actor_role::worker, 0};
  figures.complete(row);
  CHECK(row.clock == 4);
}

TEST_CASE("the time to the target is that of the first evaluation that reaches it",
          "[runtime][progress]") {
  progress figures(options_of(), at(0ms));
  figures.on_evaluation({50.0, 79, 100}, at(5s));
  CHECK_FALSE(figures.summarise().time_to_target_seconds);
  figures.on_evaluation({40.0, 80, 100}, at(7s));
  figures.on_evaluation({30.0, 90, 100}, at(9s));
  const auto summary = figures.summarise();
  CHECK(*summary.time_to_target_seconds == Approx(7));
  CHECK(*summary.test_accuracy == Approx(0.9));
  CHECK(*summary.test_loss == Approx(0.3));
}

TEST_CASE("rows show speed over the last seconds, and lag and staleness as the shards saw them",
          "[runtime][progress]") {
  progress figures(options_of(), at(0ms));
  for (std::uint64_t second = 0; second <= 3; ++second)
    for (std::uint32_t worker = 0; worker < 2; ++worker)
      figures.on_report(worker_figures(worker, 1, second * (worker + 1) * 2),
                        at(std::chrono::seconds(second)));
  auto shard = shard_figures(0, 9);
  shard.staleness_recent = {3, 5};
  shard.lag_recent = {0, 6};
  figures.on_report(shard);
  actor_status row;
  row.name = {actor_role::worker, 1};
  figures.complete(row);
  CHECK(row.clock == 12);
  CHECK(row.lag == 6);
  CHECK(row.staleness == 5);
  CHECK(row.samples_per_second == Approx(40));
  CHECK(figures.status(at(3s)).samples_per_second == Approx(60));
  actor_status shard_row;
  shard_row.name = {actor_role::shard, 0};
  figures.complete(shard_row);
  CHECK(shard_row.clock == 9);
  CHECK(shard_row.staleness == 0);
}

} // namespace lagrange::tests
