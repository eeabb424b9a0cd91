// How one consistent cut runs through a job: what carries its number, and when it is whole.
// What a shard holds at a cut: shard_capture_test.cpp.
#include "runtime/cut_schedule.hpp"
#include "tests/support/worker_probe.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

const stamp self = stamp_of(actor_role::supervisor);

/// Grants lease 7, answers its pulls, and gives the step that it begins.
std::shared_ptr<const step_task> step_of(worker_probe& worker, std::uint64_t clock,
                                         cut_number of_lease, cut_number of_shard) {
  auto grant = std::make_shared<lease_grant>();
  grant->sequence = ++worker.sequence;
  grant->what = {.id = {7 + clock}, .attempt = {1}, .cut = of_lease};
  grant->clock = {clock};
  worker.effects = worker.twin.on_grant(grant, worker.now);
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    auto reply = std::make_shared<pull_reply>();
    reply->from = stamp_of(actor_role::shard, shard);
    reply->clock = {clock};
    reply->parameters = tensor_of(std::vector<float>(3 + 2 * shard, 0.0F));
    if (shard == 1) reply->cut = of_shard;
    worker.effects = worker.twin.on_parameters({shard}, reply, worker.now);
  }
  REQUIRE(worker.effects.compute);
  return worker.effects.compute;
}

part_report part_of(actor_name who, std::uint32_t cut) {
  part_report made;
  made.from = self;
  made.from.name = who;
  made.cut = {cut};
  return made;
}

/// Two shards, one worker with a residual, a cut a second.
cut_schedule schedule_of(cut_number last = {}) { return cut_schedule({1s, 2, 1, last}); }

} // namespace

TEST_CASE("CO-1: a step has the highest cut number of its lease and of what it read",
          "[runtime][cut]") {
  worker_probe worker;
  CHECK(step_of(worker, 0, {0}, {0})->cut == cut_number{0});
  worker.computed(7);
  for (const auto& [shard, frame] : worker.effects.pushes) CHECK(frame->cut == cut_number{0});
  worker.acks(0, 7);
  CHECK(step_of(worker, 1, {1}, {0})->cut == cut_number{1});
  worker.computed(8);
  for (const auto& [shard, frame] : worker.effects.pushes) CHECK(frame->cut == cut_number{1});
  worker.acks(1, 8);
  CHECK(step_of(worker, 2, {1}, {2})->cut == cut_number{2});
  worker.computed(9);
  worker.acks(2, 9);
  CHECK(step_of(worker, 3, {1}, {0})->cut == cut_number{2}); // it never goes back
}

TEST_CASE("CO-1: a step has the cut number of the answers that it takes into its residual",
          "[runtime][cut]") {
  worker_probe worker;
  step_of(worker, 0, {0}, {0});
  worker.computed(7);
  const push_ack ack{stamp_of(actor_role::shard), {7}, {1}, {0}, push_outcome::taken, {}, {3}};
  worker.effects = worker.twin.on_ack({0}, ack, worker.now); // that shard has made cut 3 before
  worker.ack(1, 0, 7);
  const auto next = step_of(worker, 1, {0}, {0});
  CHECK(next->cut == cut_number{3});
  CHECK(next->settled.size() == 2);
}

TEST_CASE("CO-1: a push keeps the number of its step, whatever is heard of meanwhile",
          "[runtime][cut]") {
  worker_probe worker(lookahead::one_step);
  step_of(worker, 0, {0}, {0});
  auto reply = std::make_shared<pull_reply>(); // for the next step, of a shard that has made cut 1
  reply->clock = {1};
  reply->parameters = tensor_of({0, 0, 0});
  reply->cut = {1};
  worker.effects = worker.twin.on_parameters({0}, reply, worker.now);
  worker.computed(7);
  for (const auto& [shard, frame] : worker.effects.pushes) CHECK(frame->cut == cut_number{0});
}

TEST_CASE("DU-1: leases that are dealt after the line was drawn say so", "[runtime][cut]") {
  feeder_options options;
  options.self = stamp_of(actor_role::feeder);
  options.samples = 8;
  options.workers = 2;
  feeder twin(options);
  const auto cut_of = [&](std::uint32_t worker, std::uint64_t sequence) {
    const auto effects = twin.on_request(
        request_of(worker_stamp(worker), sequence, sequence, standing::working), {sequence});
    REQUIRE(effects.grants.size() == 1);
    return effects.grants.front().grant.what.cut.value;
  };
  CHECK(cut_of(0, 1) == 0);
  twin.on_cut({self, {1}});
  CHECK(cut_of(1, 1) == 1);
  twin.on_cut({self, {1}}); // told twice
  CHECK(cut_of(0, 2) == 1);
  auto stranger = self;
  stranger.term = {9};
  twin.on_cut({stranger, {5}});
  CHECK(cut_of(1, 2) == 1);
}

TEST_CASE("DU-1: under rounds all leases of one are on the same side of a cut", "[runtime][cut]") {
  feeder_options options;
  options.self = stamp_of(actor_role::feeder);
  options.samples = 8;
  options.workers = 2;
  options.rule.round_size = 2;
  feeder twin(options);
  const auto cut_of = [&](std::uint32_t worker, std::uint64_t clock) {
    const auto effects = twin.on_request(
        request_of(worker_stamp(worker), clock + 1, clock, standing::working), {clock + 1});
    REQUIRE(effects.grants.size() == 1);
    return effects.grants.front().grant.what.cut.value;
  };
  CHECK(cut_of(0, 0) == 0);
  twin.on_cut({self, {1}});
  CHECK(cut_of(1, 0) == 0); // of the round that had begun
  twin.on_settlement(settlement_of(0, {{{0}, {1}, lease_outcome::applied}}), {});
  twin.on_settlement(settlement_of(0, {{{1}, {1}, lease_outcome::applied}}), {});
  CHECK(cut_of(0, 1) == 1);
  CHECK(cut_of(1, 1) == 1);
}

TEST_CASE("DU-1: a cut is whole when every part of it is there", "[runtime][cut]") {
  auto schedule = schedule_of({4});
  CHECK_FALSE(schedule.on_tick(self, at(0ms)));
  CHECK_FALSE(schedule.on_tick(self, at(999ms)));
  const auto order = schedule.on_tick(self, at(1000ms));
  REQUIRE(order);
  CHECK(order->cut == cut_number{5}); // numbers are not used twice in a run
  CHECK_FALSE(schedule.on_part(part_of({actor_role::shard, 0}, 5), at(1001ms)));
  CHECK_FALSE(schedule.on_part(part_of({actor_role::shard, 0}, 5), at(1001ms))); // told twice
  CHECK_FALSE(schedule.on_part(part_of({actor_role::shard, 1}, 4), at(1002ms))); // of another
  CHECK_FALSE(schedule.on_part(part_of({actor_role::shard, 7}, 5), at(1002ms)));
  CHECK_FALSE(schedule.on_part(part_of({actor_role::shard, 1}, 5), at(1003ms)));
  const auto whole = schedule.on_part(part_of({actor_role::worker, 0}, 5), at(1004ms));
  REQUIRE(whole);
  CHECK(whole->parts.size() == 3);
  CHECK(whole->took == 4ms);
  CHECK_FALSE(schedule.is_making());
  CHECK_FALSE(schedule.on_tick(self, at(2003ms)));
  CHECK(schedule.on_tick(self, at(2004ms))->cut == cut_number{6});
}

TEST_CASE("an order that may be lost is repeated", "[runtime][cut]") {
  auto schedule = schedule_of();
  schedule.on_tick(self, at(0ms));
  REQUIRE(schedule.on_tick(self, at(1s)));
  CHECK_FALSE(schedule.on_tick(self, at(1900ms)));
  CHECK(schedule.on_tick(self, at(2s))->cut == cut_number{1});
}

TEST_CASE("DU-1: a cut is given up when somebody dies who has not kept his part yet",
          "[runtime][cut]") {
  auto schedule = schedule_of();
  schedule.on_tick(self, at(0ms));
  schedule.on_tick(self, at(1s));
  schedule.on_part(part_of({actor_role::shard, 1}, 1), at(1s));
  schedule.on_loss({actor_role::shard, 1}, at(1s));  // its part is on the disk
  schedule.on_loss({actor_role::worker, 3}, at(1s)); // has none
  CHECK(schedule.is_making());
  schedule.on_loss({actor_role::worker, 0}, at(1s));
  CHECK_FALSE(schedule.is_making());
  CHECK_FALSE(schedule.on_part(part_of({actor_role::shard, 0}, 1), at(1100ms)));
  CHECK(schedule.on_tick(self, at(2s))->cut == cut_number{2}); // soon again
  CHECK(schedule.take_failure().empty());
}

TEST_CASE("a part that cannot be kept gives its cut up, and says why once", "[runtime][cut]") {
  auto schedule = schedule_of();
  schedule.on_tick(self, at(0ms));
  schedule.on_tick(self, at(1s));
  auto failed = part_of({actor_role::shard, 0}, 1);
  failed.failure = "no space left on the disk";
  CHECK_FALSE(schedule.on_part(failed, at(1s)));
  CHECK(schedule.take_failure() ==
        "shard-0 could not keep its part of checkpoint 1: no space left on the disk");
  CHECK(schedule.take_failure().empty());
  CHECK_FALSE(schedule.on_tick(self, at(1900ms)));
  CHECK(schedule.on_tick(self, at(2s))->cut == cut_number{2});
}

TEST_CASE("no cut is made where none is to be", "[runtime][cut]") {
  cut_schedule schedule({0s, 2, 1, {}});
  for (auto now = 0s; now < 100s; now += 1s) CHECK_FALSE(schedule.on_tick(self, at(now)));
}

} // namespace lagrange::tests
