#include "tests/support/worker_probe.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

bool is_quiet(const worker_effects& effects) {
  return !effects.request && effects.pulls.empty() && effects.pushes.empty() && !effects.compute &&
         !effects.is_finished;
}

} // namespace

TEST_CASE("the clip scale goes to every shard, in the closing frame", "[runtime][worker]") {
  worker_probe worker;
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0);
  step_result made;
  made.what = {7};
  made.parts = {parts_of(tensor_of({1, 2, 3}), 2), parts_of(tensor_of({4, 5, 6, 7, 8}), 2)};
  made.clip_scale = 0.5F;
  worker.effects = worker.twin.on_computed(made, worker.now);
  int closing = 0;
  for (const auto& [shard, frame] : worker.effects.pushes) {
    if (frame->frame + 1 != frame->frames) continue;
    CHECK(frame->clip_scale == 0.5F);
    ++closing;
  }
  CHECK(closing == 2);
}

TEST_CASE("without lookahead a worker asks and pulls after its push", "[runtime][worker]") {
  worker_probe worker;
  REQUIRE(worker.effects.request);
  CHECK(worker.effects.request->state == standing::joining);
  CHECK(worker.effects.pulls.empty()); // its clock is not known yet
  worker.grant(grant_kind::batch, 7, 4);
  CHECK(worker.effects.pulls.size() == 2);
  CHECK(worker.effects.pulls.front().second.clock == worker_clock{4});
  worker.parameters(0, 4);
  CHECK(is_quiet(worker.effects));
  worker.parameters(1, 4);
  REQUIRE(worker.effects.compute);
  CHECK(worker.effects.compute->what.id == lease_id{7});
  CHECK_FALSE(worker.effects.request);
  CHECK(worker.effects.pulls.empty());
  worker.computed(7);
  CHECK(worker.effects.pushes.size() == 5);
  REQUIRE(worker.effects.request);
  CHECK(worker.effects.request->state == standing::working);
  CHECK(worker.effects.request->clock == worker_clock{5});
  CHECK(worker.effects.pulls.front().second.clock == worker_clock{5});
}

TEST_CASE("with lookahead it asks and pulls for the next step when a step begins, one ahead",
          "[runtime][worker]") {
  worker_probe worker(lookahead::one_step);
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0);
  REQUIRE(worker.effects.compute);
  CHECK(worker.effects.request->clock == worker_clock{1});
  CHECK(worker.effects.pulls.front().second.clock == worker_clock{1});
  worker.grant(grant_kind::batch, 8, 1);
  worker.parameters(1);
  CHECK(is_quiet(worker.effects)); // one step at a time
  worker.computed(7);
  CHECK(worker.effects.pushes.size() == 5);
  REQUIRE(worker.effects.compute);
  CHECK(worker.effects.compute->clock == worker_clock{1});
  worker.computed(8);
  CHECK(worker.effects.pushes.empty()); // one push under way at a time (BP-1)
  worker.acks(0, 7);
  CHECK(worker.effects.pushes.size() == 5);
}

TEST_CASE("the next parameters are asked for a pull's time before the step is expected to end",
          "[runtime][worker]") {
  worker_probe worker(lookahead::one_step);
  worker.now = at(0ms);
  worker.grant(grant_kind::batch, 0, 0); // nothing is known of times yet
  worker.now = at(2ms);
  worker.parameters(0); // a pull takes 2 ms
  CHECK(worker.effects.pulls.size() == 2);
  worker.now = at(3ms);
  worker.grant(grant_kind::batch, 1, 1);
  worker.parameters(1); // and the next 1 ms
  worker.now = at(12ms);
  worker.computed(0); // a step 10 ms
  REQUIRE(worker.effects.compute);
  CHECK(worker.effects.request); // the lease at once
  CHECK(worker.effects.pulls.empty());
  REQUIRE(worker.effects.wake_after);
  CHECK(*worker.effects.wake_after == 8ms);       // the median of 1 and 2 is 2
  CHECK(is_quiet(worker.twin.on_wake(at(19ms)))); // a wake-up of the step before
  CHECK(worker.twin.on_wake(at(20ms)).pulls.size() == 2);
  CHECK(is_quiet(worker.twin.on_wake(at(21ms)))); // once
  worker.now = at(15ms);
  worker.acks(0, 0);
  worker.now = at(22ms);
  worker.computed(1);
  CHECK(worker.effects.pulls.empty());
}

TEST_CASE("a push is cut into frames that cover the gradient, and says what was read",
          "[runtime][worker]") {
  worker_probe worker;
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0, 0, 11);
  worker.parameters(1, 0, 12);
  worker.computed(7);
  std::vector<std::vector<float>> seen(2);
  for (const auto& [shard, frame] : worker.effects.pushes) {
    auto& elements = seen[shard.value];
    CHECK(frame->frames == (shard.value == 0 ? 2U : 3U));
    CHECK(frame->gradient.elements() <= 2);
    CHECK(frame->read == shard_version{11 + shard.value});
    CHECK(frame->samples == 4);
    const auto part = frame->gradient.values<float>();
    elements.insert(elements.begin(), part.begin(), part.end()); // the last ones come first
  }
  CHECK(seen[0] == std::vector<float>{1, 2, 3});
  CHECK(seen[1] == std::vector<float>{4, 5, 6, 7, 8});
}

TEST_CASE("LE-1: a gradient that is not finite becomes a skip to every shard",
          "[runtime][worker]") {
  worker_probe worker;
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0);
  worker.computed(7, push_verdict::skip);
  REQUIRE(worker.effects.pushes.size() == 2);
  shard_probe shard(shard_of("asp"));
  for (const auto& [to, frame] : worker.effects.pushes) {
    CHECK(frame->verdict == push_verdict::skip);
    CHECK(frame->what.id == lease_id{7});
    CHECK(frame->gradient.empty());
  }
  const auto effects = shard.push(*worker.effects.pushes.front().second);
  CHECK(effects.entries.front().kind == journal_kind::dropped);
  CHECK(shard.twin.next_settlement().leases.front().outcome == lease_outcome::dropped);
  CHECK(worker.twin.on_tick(at(1s)).report->loss_steps == 0); // nobody sees a mean of NaN
}

TEST_CASE("a worker without a lease left leaves the clock table, waits, and comes back",
          "[runtime][worker]") {
  worker_probe worker(lookahead::one_step);
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0);
  worker.grant(grant_kind::idle, 0, 1);
  CHECK(is_quiet(worker.effects)); // its step is not done
  worker.computed(7);
  CHECK(worker.effects.pushes.size() == 5);
  worker.acks(0, 7);
  REQUIRE(worker.effects.pushes.size() == 2);
  const auto& leave = *worker.effects.pushes.front().second;
  CHECK(leave.verdict == push_verdict::leave);
  CHECK(leave.clock == worker_clock{1});
  worker.acks(1, 0, 0);
  REQUIRE(worker.effects.request);
  CHECK(worker.effects.request->state == standing::idle);
  worker.parameters(0, 1); // of the pull that was sent ahead
  CHECK(is_quiet(worker.effects));
  worker.tick(at(2s));
  CHECK(worker.effects.request);
  CHECK(worker.effects.pulls.empty()); // the pull sent ahead is given up
  worker.grant(grant_kind::batch, 9, 2);
  CHECK(worker.effects.pulls.front().second.clock == worker_clock{2});
  worker.parameters(2);
  CHECK(worker.effects.compute);
}

TEST_CASE("a tick goes to every shard, and the next lease is asked for when all have it",
          "[runtime][worker]") {
  worker_probe worker;
  worker.grant(grant_kind::tick, 0, 3);
  REQUIRE(worker.effects.pushes.size() == 2);
  CHECK(worker.effects.pushes.front().second->verdict == push_verdict::tick);
  CHECK(worker.effects.pushes.front().second->clock == worker_clock{3});
  worker.ack(0, 3, 0, 0);
  CHECK(is_quiet(worker.effects));
  worker.ack(1, 3, 0, 0);
  CHECK(worker.effects.request->clock == worker_clock{4});
  CHECK(worker.effects.request->state == standing::working);
}

TEST_CASE("EN-1: a worker is finished only when its last push is acknowledged",
          "[runtime][worker]") {
  worker_probe worker;
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0);
  worker.computed(7);
  worker.grant(grant_kind::finished);
  worker.ack(0, 0, 7);
  CHECK_FALSE(worker.twin.is_finished());
  worker.ack(1, 0, 7);
  CHECK(worker.effects.is_finished);
  CHECK(worker.effects.report);
  worker.tick(at(60s));
  CHECK(is_quiet(worker.effects)); // and then it is silent
}

TEST_CASE("SH-2: what is not answered is repeated after retry_after, and nothing else",
          "[runtime][worker]") {
  worker_probe worker;
  worker.tick(at(1999ms));
  CHECK(is_quiet(worker.effects));
  worker.tick(at(2000ms));
  REQUIRE(worker.effects.request);
  CHECK(worker.effects.request->sequence == 1); // the same request, so that it is answered alike
  worker.tick(at(2100ms));
  CHECK(is_quiet(worker.effects));
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(1, 0);
  worker.tick(at(4100ms));
  CHECK_FALSE(worker.effects.request);
  REQUIRE(worker.effects.pulls.size() == 1); // shard 1 has answered
  CHECK(worker.effects.pulls.front().first == shard_id{0});
  worker.parameters(0, 0);
  CHECK(worker.effects.compute);
  worker.tick(at(90s));
  CHECK(is_quiet(worker.effects)); // computing is nobody's debt
  worker.computed(7);
  worker.grant(grant_kind::idle);
  worker.parameters(1);
  worker.ack(0, 0, 7);
  worker.tick(at(92s));
  CHECK(worker.effects.pushes.size() == 3); // every frame, to shard 1 alone
  for (const auto& [shard, frame] : worker.effects.pushes) CHECK(shard == shard_id{1});
}

TEST_CASE("a stale reply is ignored", "[runtime][worker]") {
  worker_probe worker(lookahead::one_step);
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0);
  --worker.sequence;
  worker.grant(grant_kind::batch, 99, 0); // the first grant once more
  CHECK(is_quiet(worker.effects));
  worker.parameters(0, 0, 77); // of the first pull
  worker.parameters(5, 1);     // of a shard that does not exist
  worker.parameters(0, 1, 1);
  worker.parameters(0, 1, 78); // repeated, but later: the step keeps one version
  worker.computed(7);
  worker.ack(0, 0, 7, 1, push_outcome::partial);
  worker.ack(0, 0, 8);
  worker.ack(0, 0, 7, 2);
  worker.ack(0, 1, 7);
  worker.ack(1, 0, 7);
  worker.ack(1, 0, 7); // twice
  worker.grant(grant_kind::batch, 8, 1);
  worker.parameters(1, 1, 1);
  REQUIRE(worker.effects.compute);
  CHECK(worker.effects.compute->parameters[0]->version == shard_version{1});
  worker.computed(8);
  CHECK(worker.effects.pushes.empty()); // shard 0 has not acknowledged lease 7
  worker.ack(0, 0, 7, 1, push_outcome::duplicate);
  CHECK(worker.effects.pushes.size() == 5);
}

TEST_CASE("a copy that is current is used again", "[runtime][worker]") {
  worker_probe worker;
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0, 0, 6);
  worker.parameters(1, 0, 9);
  worker.computed(7);
  const auto& pull = worker.effects.pulls.front().second;
  CHECK(pull.held_life == incarnation{1});
  CHECK(pull.held == shard_version{6});
  worker.grant(grant_kind::batch, 8, 1);
  auto unchanged = std::make_shared<pull_reply>();
  unchanged->clock = {1};
  unchanged->changed = false;
  worker.effects = worker.twin.on_parameters({0}, unchanged, at(0ms));
  worker.parameters(1, 1, 10);
  REQUIRE(worker.effects.compute);
  CHECK(worker.effects.compute->parameters[0]->version == shard_version{6});
  CHECK(worker.effects.compute->parameters[1]->version == shard_version{10});
}

TEST_CASE("a lease of another clock than the one pulled for is pulled for again",
          "[runtime][worker]") {
  worker_probe worker; // under bsp: a dead worker's lease of the round before
  worker.grant(grant_kind::batch, 7, 3);
  worker.parameters(3);
  worker.computed(7);
  worker.grant(grant_kind::batch, 6, 3);
  REQUIRE(worker.effects.pulls.size() == 2);
  CHECK(worker.effects.pulls.front().second.clock == worker_clock{3});
  worker.parameters(4); // of the pull that this one replaced
  CHECK_FALSE(worker.effects.compute);
  worker.parameters(3);
  CHECK(worker.effects.compute);
}

TEST_CASE("reports count time, steps and loss since the start", "[runtime][worker]") {
  worker_probe worker;
  worker.now = at(100ms);
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0);
  worker.now = at(130ms);
  worker.computed(7);
  REQUIRE(worker.effects.report); // people wait for the first loss
  CHECK(worker.effects.report->steps == 1);
  CHECK(worker.effects.report->samples == 4);
  CHECK(worker.effects.report->loss == Approx(2.5));
  CHECK(worker.effects.report->compute == 30ms);
  CHECK(worker.effects.report->waiting == 100ms);
  CHECK(worker.effects.report->clock == worker_clock{1});
  worker.tick(at(379ms));
  CHECK_FALSE(worker.effects.report);
  worker.tick(at(380ms));
  REQUIRE(worker.effects.report);
  CHECK(worker.effects.report->loss_steps == 0); // none since the last report
  CHECK(worker.effects.report->waiting == 350ms);
}

} // namespace lagrange::tests
