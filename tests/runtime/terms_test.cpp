// What goes over from one term of a run to the next: lives, and the figures of what was before.
#include "runtime/terms_tally.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

constexpr actor_name feeder_name{actor_role::feeder, 0};
actor_name worker_name(std::uint32_t index) { return {actor_role::worker, index}; }

/// What a supervisor says of its term.
job_result term(std::uint64_t restarts, double train_seconds, std::uint64_t dealt_again) {
  job_result made;
  made.figures.restarts.worker = restarts;
  made.figures.train_seconds = train_seconds;
  made.figures.samples_per_second = 100;
  made.figures.leases = {50, 50, 0, dealt_again, 0, 0};
  made.figures.bytes.pushed = 10;
  made.figures.lag_max = restarts;
  made.workers = {{{0}, 7, 70, restarts, 1s, {}, 2s}};
  return made;
}

} // namespace

TEST_CASE("a later term begins with the lives that it is given", "[runtime][supervisor]") {
  supervisor_options options;
  options.self = stamp_of(actor_role::supervisor);
  options.job.workers = 2;
  options.lives = {{worker_name(1), {7}}, {feeder_name, {3}}};
  supervisor twin(options, {});
  const auto launched = twin.start({}).launches;
  CHECK(std::ranges::count(launched, actor_life{worker_name(0), {1}}) == 1);
  CHECK(std::ranges::count(launched, actor_life{worker_name(1), {7}}) == 1);
  CHECK(std::ranges::count(launched, actor_life{feeder_name, {3}}) == 1);
}

TEST_CASE("figures of a run are those of all its terms, and leases those of the last",
          "[runtime][terms]") {
  terms_tally tally;
  summary before;
  before.restarts.shard = 4;
  before.train_seconds = 5;
  tally.take_up(before);
  auto fallen = term(2, 0, 3);
  fallen.fall = term_fall{feeder_name, "was killed (signal 9)"};
  fallen.recoveries_ms = {100};
  tally.add(fallen, 10s);
  tally.on_recovery(800ms);
  auto last = term(1, 20, 1);
  last.figures.time_to_target_seconds = 4;
  tally.complete(last, 30s);
  const auto& made = last.figures;
  CHECK(made.restarts == summary::restart_counts{3, 4, 1});
  CHECK(made.leases == summary::lease_counts{50, 50, 0, 4, 0, 0});
  CHECK(made.train_seconds == 35);
  CHECK(made.samples_per_second == Approx(2000 / 35.0));
  CHECK(made.bytes.pushed == 20);
  CHECK(made.lag_max == 2);
  CHECK(made.time_to_target_seconds == 34);
  CHECK(made.recovery_ms == summary::recovery_percentiles{100, 800});
  REQUIRE(last.workers.size() == 1);
  CHECK(last.workers[0].steps == 14);
  CHECK(last.workers[0].restarts == 3);
}

TEST_CASE("a run of one term has the figures of its supervisor", "[runtime][terms]") {
  auto only = term(1, 20, 1);
  only.recoveries_ms = {100};
  only.figures.recovery_ms = {100, 100};
  const auto before = only;
  terms_tally().complete(only, 0s);
  CHECK(only.figures == before.figures);
  CHECK(only.workers == before.workers);
}

} // namespace lagrange::tests
