// Laws of a shard whose policy applies whole rounds of leases.
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lagrange::tests {

using namespace runtime;

namespace {

gradient_push member_of(std::uint64_t round, std::uint32_t size, std::uint32_t worker,
                        std::uint64_t lease, float value, std::uint32_t samples = 1) {
  auto made = in_round(push_of(worker_stamp(worker), round, lease, value), round, size);
  made.samples = samples;
  return made;
}

} // namespace

TEST_CASE("SH-1: a round is one step and one version, weighted by samples", "[runtime][shard]") {
  shard_probe shard(shard_of("bsp", 2));
  CHECK(shard.push(member_of(0, 2, 0, 0, 8, 3)).entries.front().kind == journal_kind::kept);
  CHECK(shard.version() == 0);
  const auto effects = shard.push(member_of(0, 2, 1, 1, 4, 1));
  CHECK(shard.version() == 1);
  CHECK(shard.parameters() == std::vector<float>(4, 7)); // (3 * 8 + 1 * 4) / 4
  REQUIRE(effects.entries.size() == 3);
  CHECK(effects.entries.front().kind == journal_kind::kept);
  for (const auto& entry : std::span(effects.entries).subspan(1)) {
    CHECK(entry.kind == journal_kind::applied);
    CHECK(entry.version == shard_version{1});
    CHECK(staleness_of(entry) == 0);
  }
}

TEST_CASE("RE-1: the sum of a round has the same bits in whatever order its pushes come",
          "[runtime][shard]") {
  std::vector<std::uint64_t> order{0, 1, 2, 3, 4};
  std::vector<float> expected;
  do {
    shard_probe shard(shard_of("bsp", 5));
    for (const auto lease : order)
      shard.push(member_of(0, 5, static_cast<std::uint32_t>(lease), lease,
                           lease % 2 == 0 ? 1e7F : 0.1F + static_cast<float>(lease), 3));
    if (expected.empty()) expected = shard.parameters();
    REQUIRE(shard.parameters() == expected);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("a short last round of bsp is a step of its own size", "[runtime][shard]") {
  shard_probe shard(shard_of("bsp", 3));
  for (std::uint32_t worker = 0; worker < 3; ++worker)
    shard.push(member_of(0, 3, worker, worker, 3));
  CHECK(shard.version() == 1);
  shard.push(empty_push(worker_stamp(1), 1, push_verdict::tick)); // without a lease
  shard.push(empty_push(worker_stamp(2), 1, push_verdict::tick));
  CHECK(shard.version() == 1);
  shard.push(member_of(1, 1, 0, 3, 5, 2));
  CHECK(shard.version() == 2);
  CHECK(shard.parameters() == std::vector<float>(4, 8));
  for (std::uint32_t worker = 0; worker < 3; ++worker)
    CHECK(shard.pull(pull_of(worker_stamp(worker), 2)).pulls.size() == 1);
}

TEST_CASE("CL-1: a worker without a lease does not run ahead of the round it ticked in",
          "[runtime][shard]") {
  shard_probe shard(shard_of("bsp", 2));
  shard.push(empty_push(worker_stamp(0), 0, push_verdict::tick));
  // The other one dies before its push: worker 0 is alone, but round 0 is not in.
  shard.view(view_of(2, {live(0, 1), dead(1, 1)}));
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.empty());
  CHECK(shard.pull(pull_of(worker_stamp(0), 0)).pulls.size() == 1); // to do the lease itself
  shard.push(member_of(0, 1, 0, 0, 1));
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.size() == 1);
}

TEST_CASE("a death inside a round: its lease is done by another, the round is one step",
          "[runtime][shard]") {
  shard_probe shard(shard_of("bsp", 2));
  shard.push(member_of(0, 2, 0, 0, 2));
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.empty());
  const bool was_pushed = GENERATE(false, true); // did the dead one's push come before its death?
  if (was_pushed) {
    auto frames = cut(member_of(0, 2, 1, 1, 4), 2);
    shard.push(frames.front());
  }
  CHECK(shard.view(view_of(2, {live(0, 1), dead(1, 1)})).pulls.empty()); // the round is still open
  auto again = member_of(0, 2, 0, 1, 4);
  again.what.attempt = {2};
  const auto effects = shard.push(again);
  CHECK(effects.pulls.size() == 1); // the parked pull of the next round
  CHECK(shard.version() == 1);
  CHECK(shard.parameters() == std::vector<float>(4, 3));
}

TEST_CASE("SH-2: what a worker pushed into a round before it died stays in it",
          "[runtime][shard]") {
  shard_probe shard(shard_of("bsp", 2));
  shard.push(member_of(0, 2, 1, 1, 4));
  shard.view(view_of(2, {live(0, 1), dead(1, 1)}));
  auto again = member_of(0, 2, 0, 1, 100);
  again.what.attempt = {2};
  CHECK(shard.push(again).pushes.front().what.outcome == push_outcome::duplicate);
  shard.push(member_of(0, 2, 0, 0, 2));
  CHECK(shard.parameters() == std::vector<float>(4, 3));
  CHECK(shard.twin.report().entered == 2);
}

TEST_CASE("LE-1: a skipped lease settles with its round and takes no part in the mean",
          "[runtime][shard]") {
  shard_probe shard(shard_of("bsp", 2));
  auto skipped = member_of(0, 2, 0, 0, 0);
  skipped.verdict = push_verdict::skip;
  skipped.gradient = {};
  shard.push(skipped);
  CHECK(shard.twin.next_settlement().leases.empty());
  SECTION("one of two") {
    shard.push(member_of(0, 2, 1, 1, 6));
    CHECK(shard.parameters() == std::vector<float>(4, 6));
    CHECK(shard.version() == 1);
  }
  SECTION("all of them: no step, no version, but the round is over") {
    skipped.from = worker_stamp(1);
    skipped.what.id = {1};
    shard.push(skipped);
    CHECK(shard.version() == 0);
  }
  CHECK(shard.twin.next_settlement().leases.size() == 2);
  CHECK(shard.twin.next_settlement().leases.front().outcome == lease_outcome::dropped);
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.size() == 1);
}

TEST_CASE("a lease of a round that is not open is refused without effect", "[runtime][shard]") {
  shard_probe shard(shard_of("bsp", 2));
  auto push = member_of(0, 2, 0, 0, 1);
  SECTION("a round to come") { push.what.round = 1; }
  SECTION("a round of no leases") { push.what.round_size = 0; }
  SECTION("a round that is over") {
    for (std::uint32_t worker = 0; worker < 2; ++worker)
      shard.push(member_of(0, 2, worker, worker + 10, 0));
  }
  const auto before = shard.version();
  const auto effects = shard.push(push);
  REQUIRE(effects.refused.size() == 1);
  CHECK(effects.refused.front().what.code == errc::bad_frame);
  CHECK_THAT(effects.refused.front().what.text, Catch::Contains("this shard is in round"));
  CHECK(shard.version() == before);
}

TEST_CASE("CL-2: a late tick of a round that is over moves its clock at once", "[runtime][shard]") {
  shard_probe shard(shard_of("bsp", 2));
  shard.push(member_of(0, 2, 0, 0, 1));
  shard.push(member_of(0, 2, 0, 1, 1)); // worker 0 did the whole round
  CHECK(shard.pull(pull_of(worker_stamp(0), 1)).pulls.empty());
  CHECK(shard.push(empty_push(worker_stamp(1), 0, push_verdict::tick)).pulls.size() == 1);
}

} // namespace lagrange::tests
