// Laws of a worker whose model has tables: it pulls rows, and so only once it has the lease.
#include "tests/support/worker_probe.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

/// Of two shards, which for lease L need row L of one table.
std::shared_ptr<const row_plan> plan_of(const lease& what, const batch&) {
  auto made = std::make_shared<row_plan>();
  for (int shard = 0; shard < 2; ++shard) {
    auto& rows = made->wanted.emplace_back();
    rows.counts = {1};
    rows.rows = ops::tensor(ops::dtype::i32, {1});
    rows.rows.values<std::int32_t>()[0] = static_cast<std::int32_t>(what.id.value);
  }
  return made;
}

struct table_worker : worker_probe {
  explicit table_worker(lookahead ahead = lookahead::none) : worker_probe(options(ahead)) {}
  static worker_options options(lookahead ahead) {
    auto made = options_of(ahead);
    made.plan = plan_of;
    return made;
  }
  /// The row that every pull of the last call asks for, or nothing.
  std::optional<std::int32_t> asked() const {
    if (effects.pulls.empty()) return std::nullopt;
    CHECK(effects.pulls.size() == 2);
    return effects.pulls.front().second.rows.rows.values<std::int32_t>()[0];
  }
  void step(std::uint64_t lease, std::uint64_t clock) {
    grant(grant_kind::batch, lease, clock);
    parameters(clock);
    REQUIRE(effects.compute);
  }
};

} // namespace

TEST_CASE("a pull asks for the rows of its own lease", "[runtime][worker][tables]") {
  table_worker worker;
  CHECK_FALSE(worker.asked());
  worker.grant(grant_kind::batch, 7, 0);
  CHECK(worker.asked() == 7);
  worker.parameters(0);
  REQUIRE(worker.effects.compute);
  CHECK(worker.effects.compute->plan->wanted[0].rows.values<std::int32_t>()[0] == 7);
  worker.computed(7);
  CHECK_FALSE(worker.asked()); // the next lease is not here
  CHECK(worker.effects.request);
  worker.grant(grant_kind::batch, 9, 1);
  CHECK(worker.asked() == 9);
}

TEST_CASE("the next pull leaves with the grant, if that comes while a step is computed",
          "[runtime][worker][tables]") {
  table_worker worker(lookahead::one_step);
  worker.step(7, 0);
  CHECK(worker.effects.request);
  CHECK_FALSE(worker.asked());
  worker.grant(grant_kind::batch, 8, 1);
  CHECK(worker.asked() == 8);
  worker.computed(7);
  CHECK_FALSE(worker.asked());
  worker.parameters(1);
  CHECK(worker.effects.compute->what.id == lease_id{8});
}

TEST_CASE("with tables too, the next pull waits until it is due", "[runtime][worker][tables]") {
  table_worker worker(lookahead::one_step);
  worker.grant(grant_kind::batch, 1, 0); // steps of 10 ms, pulls of 1 ms
  worker.now += 1ms;
  worker.parameters(0);
  worker.grant(grant_kind::batch, 2, 1);
  CHECK(worker.asked() == 2); // nothing is known yet of how long a step takes
  worker.now += 1ms;
  worker.parameters(1);
  worker.now += 9ms;
  worker.computed(1);
  REQUIRE(worker.effects.compute);
  worker.acks(0, 1);
  worker.grant(grant_kind::batch, 3, 2);
  CHECK_FALSE(worker.asked());
  worker.now += 8ms;
  worker.effects = worker.twin.on_wake(worker.now);
  CHECK_FALSE(worker.asked());
  worker.now += 1ms;
  worker.effects = worker.twin.on_wake(worker.now);
  CHECK(worker.asked() == 3);
}

TEST_CASE("a grant that comes after the pull was due pulls at once", "[runtime][worker][tables]") {
  table_worker worker(lookahead::one_step);
  worker.step(1, 0);
  worker.now += 5ms;
  worker.computed(1); // its push is not acknowledged
  CHECK_FALSE(worker.asked());
  worker.grant(grant_kind::batch, 2, 1);
  CHECK(worker.asked() == 2);
}

TEST_CASE("a second lease of a round, at the same clock, gets the rows that it needs itself",
          "[runtime][worker][tables]") {
  table_worker worker;
  worker.step(7, 3);
  worker.computed(7);
  worker.acks(3, 7);
  worker.grant(grant_kind::batch, 8, 3); // its holder died
  CHECK_FALSE(worker.effects.compute);
  CHECK(worker.asked() == 8);
  worker.parameters(3);
  CHECK(worker.effects.compute->what.id == lease_id{8});
}

TEST_CASE("a worker that has no next lease pulls nothing", "[runtime][worker][tables]") {
  for (const auto kind : {grant_kind::tick, grant_kind::idle, grant_kind::finished}) {
    table_worker worker(lookahead::one_step);
    worker.step(1, 0);
    worker.grant(kind, 0, 1);
    CHECK_FALSE(worker.asked());
    worker.computed(1);
    CHECK_FALSE(worker.asked());
  }
}

TEST_CASE("a pull that is repeated asks for the same rows", "[runtime][worker][tables]") {
  table_worker worker;
  worker.grant(grant_kind::batch, 7, 0);
  worker.parameters(0, 0);
  worker.tick(worker.now + 3s);
  REQUIRE(worker.effects.pulls.size() == 1); // of the shard that did not answer
  CHECK(worker.effects.pulls.front().first == shard_id{1});
  CHECK(worker.effects.pulls.front().second.rows.rows.values<std::int32_t>()[0] == 7);
}

} // namespace lagrange::tests
