// Laws of pushes whose frames leave while the rest of the gradient is being computed.
#include "tests/support/worker_probe.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

/// Frame `frame` of what worker_probe::computed() brings.
early_part early(std::uint64_t lease, std::uint32_t shard, std::uint32_t frame) {
  const auto parts = worker_probe::gradient()[shard];
  return {{{lease}, {1}}, {shard}, frame, static_cast<std::uint32_t>(parts.size()), parts[frame]};
}

/// A worker in the middle of the step of lease 7 at clock 0.
worker_probe computing(lookahead ahead = lookahead::none) {
  worker_probe made(ahead);
  made.grant(grant_kind::batch, 7, 0);
  made.parameters(0, 0, 11);
  made.parameters(1, 0, 12);
  REQUIRE(made.effects.compute);
  return made;
}

} // namespace

TEST_CASE("a part leaves at once, and no second time when the step is over", "[runtime][worker]") {
  auto worker = computing();
  worker.part(early(7, 1, 0));
  REQUIRE(worker.effects.pushes.size() == 1);
  const auto& [to, frame] = worker.effects.pushes.front();
  CHECK(to == shard_id{1});
  CHECK(frame->frame == 0);
  CHECK(frame->frames == 3);
  CHECK(frame->first == 4);
  CHECK(frame->read == shard_version{12});
  CHECK(frame->what.id == lease_id{7});
  worker.computed(7);
  CHECK(worker.effects.pushes.size() == 4); // 2 of shard 0, and the other 2
}

TEST_CASE("SH-1: early frames and the rest are one whole push", "[runtime][worker]") {
  auto worker = computing();
  shard_probe shard(shard_of("asp", 1, 5));
  for (int i = 0; i < 12; ++i) // until it is at the version that was read
    shard.push(push_of(worker_stamp(0), static_cast<std::uint64_t>(i),
                       100 + static_cast<std::uint64_t>(i), 0, 5));
  const auto before = shard.parameters();
  std::vector<std::shared_ptr<const gradient_push>> frames;
  const auto collect = [&] {
    for (const auto& [to, frame] : worker.effects.pushes)
      if (to == shard_id{1}) frames.push_back(frame);
  };
  worker.part(early(7, 1, 1));
  collect();
  worker.part(early(7, 1, 0));
  collect();
  worker.computed(7);
  collect();
  REQUIRE(frames.size() == 3);
  for (const auto& frame : frames) shard.push(*frame);
  CHECK(shard.version() == 13);
  CHECK(shard.parameters() != before);
}

TEST_CASE("BP-1: parts wait until the push before is acknowledged", "[runtime][worker]") {
  auto worker = computing(lookahead::one_step);
  worker.grant(grant_kind::batch, 8, 1);
  worker.parameters(1);
  worker.computed(7);
  REQUIRE(worker.effects.compute);
  worker.part(early(8, 0, 0));
  CHECK(worker.effects.pushes.empty());
  worker.ack(0, 0, 7);
  CHECK(worker.effects.pushes.empty());
  worker.ack(1, 0, 7);
  REQUIRE(worker.effects.pushes.size() == 1);
  CHECK(worker.effects.pushes.front().second->what.id == lease_id{8});
  worker.computed(8);
  CHECK(worker.effects.pushes.size() == 4);
}

TEST_CASE("a step that turns out a skip closes with one frame for each shard",
          "[runtime][worker]") {
  auto worker = computing();
  worker.part(early(7, 0, 0));
  worker.part(early(7, 1, 0));
  worker.computed(7, push_verdict::skip);
  REQUIRE(worker.effects.pushes.size() == 2);
  for (const auto& [to, frame] : worker.effects.pushes) {
    CHECK(frame->verdict == push_verdict::skip);
    CHECK(frame->frames == 1);
  }
}

TEST_CASE("a push is repeated whole, but not before its step is over", "[runtime][worker]") {
  auto worker = computing();
  worker.part(early(7, 1, 0));
  worker.tick(at(5s));
  CHECK(worker.effects.pushes.empty());
  worker.computed(7);
  worker.tick(at(20s));
  CHECK(worker.effects.pushes.size() == 5);
}

TEST_CASE("SH-2: a shard that has taken another attempt gets no more of this one",
          "[runtime][worker]") {
  auto worker = computing();
  worker.part(early(7, 1, 0));
  worker.ack(1, 0, 7, 1, push_outcome::duplicate);
  worker.part(early(7, 1, 1));
  CHECK(worker.effects.pushes.empty());
  worker.computed(7);
  CHECK(worker.effects.pushes.size() == 2); // shard 0's
  worker.ack(0, 0, 7);
  worker.grant(grant_kind::batch, 8, 1);
  worker.parameters(1);
  REQUIRE(worker.effects.compute);
  const auto& told = worker.effects.compute->settled;
  REQUIRE(told.size() == 2);
  CHECK_FALSE(told[0].is_taken);
  CHECK(told[1].is_taken);
}

TEST_CASE("a part that comes when its step is over changes nothing", "[runtime][worker]") {
  auto worker = computing();
  worker.computed(7);
  worker.part(early(7, 1, 0));
  CHECK(worker.effects.pushes.empty());
  worker.part(early(3, 0, 0));
  CHECK(worker.effects.pushes.empty());
}

} // namespace lagrange::tests
