// Laws of a push that comes in frames, and of frames that nobody honest would send.
#include "runtime/conformance/virtual_time.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lagrange::tests {

using namespace runtime;

namespace {

constexpr std::size_t elements = 10;

/// 1, 2, 3, ... so that every element has its own value.
gradient_push ramp(stamp from, std::uint64_t clock, std::uint64_t lease) {
  auto made = push_of(from, clock, lease, 0, elements);
  float next = 0;
  for (auto& x : made.gradient.values<float>()) x = ++next;
  return made;
}

std::vector<float> ramp_values() {
  std::vector<float> values(elements);
  for (std::size_t i = 0; i < elements; ++i) values[i] = static_cast<float>(i + 1);
  return values;
}

push_outcome outcome_of(const shard_effects& effects) {
  REQUIRE(effects.pushes.size() == 1);
  return effects.pushes.front().what.outcome;
}

} // namespace

TEST_CASE("SH-1: a push is applied once and whole, in whatever order and number its frames come",
          "[runtime][shard]") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    virtual_time random(seed);
    shard_probe shard(shard_of("asp", 2, elements));
    auto frames = cut(ramp(worker_stamp(0), 0, 0), static_cast<std::int64_t>(random.draw(1, 10)));
    const auto distinct = frames.size();
    for (auto extra = random.draw(0, 5); extra > 0; --extra)
      frames.push_back(frames[random.draw(0, distinct - 1)]);
    for (auto i = frames.size() - 1; i > 0; --i) std::swap(frames[i], frames[random.draw(0, i)]);
    std::vector<bool> is_there(distinct, false);
    for (const auto& frame : frames) {
      is_there[frame.frame] = true;
      const bool is_whole = std::ranges::count(is_there, false) == 0;
      REQUIRE(outcome_of(shard.push(frame)) ==
              (is_whole ? push_outcome::taken : push_outcome::partial));
      REQUIRE(shard.version() == (is_whole ? 1 : 0));
    }
    REQUIRE(shard.parameters() == ramp_values());
  }
}

TEST_CASE("a push whose closing frame never comes is discarded by the next one",
          "[runtime][shard]") {
  shard_probe shard(shard_of("asp", 2, elements));
  const auto lost = cut(ramp(worker_stamp(0), 0, 0), 4);
  CHECK(outcome_of(shard.push(lost[0])) == push_outcome::partial);
  CHECK(outcome_of(shard.push(lost[1])) == push_outcome::partial);
  auto from = worker_stamp(0);
  std::uint64_t clock = 1;
  SECTION("of the same life") {}
  SECTION("of the next life, at the same clock") {
    from = worker_stamp(0, 2);
    clock = 0;
  }
  SECTION("of the next life, after the view") {
    shard.view(view_of(2, {dead(0, 1), live(1, 1)}));
    from = worker_stamp(0, 2);
  }
  for (const auto& frame : cut(ramp(from, clock, 1), 4)) shard.push(frame);
  CHECK(shard.parameters() == ramp_values());
  CHECK(shard.version() == 1);
  const auto late = shard.push(lost[2]); // the closing frame after all
  CHECK(shard.version() == 1);
  CHECK((late.refused.size() == 1 || outcome_of(late) == push_outcome::partial));
  // The lease itself is not lost: whoever gets it next has it applied.
  CHECK(outcome_of(shard.push(ramp(worker_stamp(1), 0, 0))) == push_outcome::taken);
}

TEST_CASE("SH-2: the frames of two lives are never mixed", "[runtime][shard]") {
  shard_probe shard(shard_of("asp", 2, elements));
  const auto old = cut(ramp(worker_stamp(0, 1), 3, 0), 5);
  const auto fresh = cut(ramp(worker_stamp(0, 2), 3, 0), 5);
  shard.push(old[0]);
  CHECK(outcome_of(shard.push(fresh[1])) == push_outcome::partial);
  CHECK(shard.push(old[1]).refused.size() == 1);
  CHECK(shard.version() == 0);
  CHECK(outcome_of(shard.push(fresh[0])) == push_outcome::taken);
}

TEST_CASE("a hostile push is refused without effect", "[runtime][shard]") {
  shard_probe shard(shard_of("ssp:0", 2, elements));
  auto push = ramp(worker_stamp(0), 0, 0);
  std::string what;
  SECTION("past the end") {
    push.first = 1;
    what = "covers elements 1 to 11 of a shard of 10";
  }
  SECTION("far past the end, so that sums overflow") {
    push.first = ~std::uint64_t{0};
    what = "of a shard of 10";
  }
  SECTION("elements of another type") {
    push.gradient = ops::tensor(ops::dtype::i32, {static_cast<std::int64_t>(elements)});
    what = "i32, expected f32";
  }
  SECTION("read at a version that is yet to come") {
    push.read = {1};
    what = "read at version 1, but this shard is at 0";
  }
  SECTION("too short") {
    push.gradient = push.gradient.slice(0, 9);
    what = "no gradient for element 9";
  }
  SECTION("without its beginning") {
    push.gradient = push.gradient.slice(1, 9);
    push.first = 1;
    what = "begins at element 1 of 10";
  }
  SECTION("no gradient at all") {
    push.gradient = {};
    what = "no gradient for element 9";
  }
  SECTION("a frame that is none of its frames") {
    push.frame = 1;
    what = "is frame 1 of 1";
  }
  SECTION("no frames") {
    push.frames = 0;
    what = "is frame 0 of 0";
  }
  SECTION("more frames than anybody would need") {
    push.frames = ~0U;
    what = "is frame 0 of 4294967295";
  }
  SECTION("a leave in several frames") {
    push.verdict = push_verdict::leave;
    push.frames = 2;
    what = "has no lease, but several frames";
  }
  const auto effects = shard.push(push);
  const auto refusal = effects.refused.at(0).what;
  CHECK(refusal.code == errc::bad_frame);
  CHECK_THAT(refusal.text,
             Catch::StartsWith("a push of worker-0 incarnation 1") && Catch::Contains(what));
  CHECK((effects.pushes.empty() && shard.version() == 0));
  CHECK(shard.twin.next_settlement().leases.empty());
  CHECK(shard.pull(pull_of(worker_stamp(1), 1)).pulls.empty()); // no clock has moved
  CHECK(outcome_of(shard.push(ramp(worker_stamp(0), 0, 0))) == push_outcome::taken);
}

TEST_CASE("frames with a gap or an overlap are refused without effect", "[runtime][shard]") {
  for (const std::uint64_t moved : {3, 5}) {
    shard_probe shard(shard_of("asp", 2, elements));
    auto frames = cut(ramp(worker_stamp(0), 0, 0), 4);
    frames[1].first = moved; // instead of 4
    shard.push(frames[0]);
    shard.push(frames[1]);
    CHECK(shard.push(frames[2]).refused.size() == 1);
    CHECK(shard.version() == 0);
    CHECK(shard.parameters() == std::vector<float>(elements, 0));
  }
}

TEST_CASE("BP-1: the frames staged for a worker hold no more than its shard's elements",
          "[runtime][shard]") {
  shard_probe shard(shard_of("asp", 2, elements));
  const auto whole = ramp(worker_stamp(0), 0, 0);
  std::vector<std::weak_ptr<const gradient_push>> held;
  for (std::uint32_t number = 0; number < 1000; ++number) {
    auto frame = std::make_shared<gradient_push>(whole);
    frame->frames = 1001;
    frame->frame = number;
    held.push_back(frame);
    shard.twin.on_push(std::move(frame), {number}, {});
  }
  const auto kept = std::ranges::count_if(held, [](const auto& frame) { return !frame.expired(); });
  CHECK(kept <= 1);
  CHECK(shard.version() == 0);
}

} // namespace lagrange::tests
