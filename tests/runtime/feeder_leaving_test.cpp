// Workers that are to leave: what the feeder still gives them, and when nothing of theirs is open.
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;

namespace {

struct feeder_probe {
  explicit feeder_probe(std::uint32_t round_size = 0) : twin(options_of(round_size)) {}
  static feeder_options options_of(std::uint32_t round_size) {
    feeder_options made;
    made.self = stamp_of(actor_role::feeder);
    made.samples = 20;
    made.workers = 2;
    made.rule.round_size = round_size;
    return made;
  }
  std::vector<dealt_grant> ask(std::uint32_t worker, std::uint64_t clock, standing state,
                               std::uint32_t life = 1) {
    return twin
        .on_request(request_of(worker_stamp(worker, life), ++sequence, clock, state), {sequence})
        .grants;
  }
  lease_grant grant(std::uint32_t worker, std::uint64_t clock, standing state) {
    const auto found = ask(worker, clock, state);
    REQUIRE(found.size() == 1);
    return found.front().grant;
  }
  void settle(const lease_grant& what) {
    twin.on_settlement(settlement_of(0, {{what.what.id, what.what.attempt, {}}}), {});
  }
  feeder_effects leave(std::uint32_t worker) {
    member going{{worker}, {1}, true, false};
    going.is_leaving = true;
    return twin.on_view(view_of(++view, {going}), {});
  }

  feeder twin;
  std::uint64_t sequence = 0;
  std::uint64_t view = 1;
};

} // namespace

TEST_CASE("LE-1: a worker that leaves gets no lease any more, and is drained once those it holds "
          "are settled",
          "[runtime][feeder][elastic]") {
  for (const std::uint32_t round_size : {0U, 2U}) {
    feeder_probe feeder(round_size);
    const auto held = feeder.grant(0, 0, standing::joining);
    CHECK(held.kind == grant_kind::batch);
    feeder.leave(0);
    CHECK(feeder.twin.drained().empty());
    CHECK(feeder.grant(0, 1, standing::working).kind == grant_kind::idle);
    CHECK(feeder.ask(0, 1, standing::idle).empty()); // it has left every clock table
    CHECK(feeder.twin.drained().empty());            // but what it pushed is not settled here
    feeder.settle(held);
    CHECK(feeder.twin.drained() == std::vector<actor_life>{{{actor_role::worker, 0}, {1}}});
    CHECK(feeder.twin.report().drained.size() == 1);
    CHECK(feeder.grant(1, 0, standing::joining).kind == grant_kind::batch); // the others go on
  }
}

TEST_CASE("LE-1: a worker that waits for a lease when it is to leave is told at once",
          "[runtime][feeder][elastic]") {
  feeder_probe feeder(1); // one lease a round
  const auto held = feeder.grant(0, 0, standing::joining);
  CHECK(feeder.grant(1, 0, standing::joining).kind == grant_kind::tick);
  CHECK(feeder.ask(1, 1, standing::working).empty());
  const auto told = feeder.leave(1);
  REQUIRE(told.grants.size() == 1);
  CHECK(told.grants.front().grant.kind == grant_kind::idle);
  feeder.ask(1, 1, standing::idle);
  CHECK(feeder.twin.drained().size() == 1);
  feeder.settle(held);
  CHECK(feeder.twin.drained().size() == 1); // idle ones are dealt nothing either
}

TEST_CASE("LE-1: the next life of a place whose worker was drained gets leases",
          "[runtime][feeder][elastic]") {
  feeder_probe feeder;
  feeder.leave(0);
  feeder.twin.on_view(view_of(++feeder.view, {{{0}, {1}, false, false}}), {});
  feeder.twin.on_view(view_of(++feeder.view, {{{0}, {2}, true, false}}), {});
  const auto found = feeder.ask(0, 0, standing::joining, 2);
  REQUIRE(found.size() == 1);
  CHECK(found.front().grant.kind == grant_kind::batch);
}

TEST_CASE("CL-2: a worker beyond those that the term began with starts at the slowest live clock",
          "[runtime][feeder][elastic]") {
  feeder_probe feeder;
  for (std::uint64_t clock = 0; clock < 5; ++clock) {
    const auto state = clock == 0 ? standing::joining : standing::working;
    feeder.settle(feeder.grant(0, clock, state));
    if (clock < 3) feeder.settle(feeder.grant(1, clock, state));
  }
  CHECK(feeder.grant(2, 0, standing::joining).clock.value == 2); // and not 0
}

} // namespace lagrange::tests
