// Laws of captured shards: one that is restored goes on as the one that was captured.
#include "tests/support/shard_trial.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;

namespace {

/// The shard works, is captured, works on, and the restored one works beside it.
void check_goes_on(const trial_kind& kind, const std::string& switched = {}) {
  for (std::uint32_t seed = 0; seed < 5; ++seed) {
    INFO("seed " << seed << ", optimizer " << kind.optimizer->name << ", policy " << kind.policy);
    shard_trial trial(kind, seed);
    trial.run(20);
    if (!switched.empty()) trial.switch_to(switched);
    if (!switched.empty() && seed % 2 == 0) trial.run(10);
    const auto state = trial.capture();
    trial.restore(state);
    check_same(*state, *trial.second().capture({5}));
    trial.run(30);
    check_same(*trial.first().capture({9}), *trial.second().capture({9}));
    REQUIRE(trial.first().report().version > state->version);
  }
}

} // namespace

TEST_CASE("a restored shard goes on with the same bits, under every optimizer and outer rule",
          "[runtime][capture]") {
  const bool has_table = GENERATE(false, true);
  const std::string policy = GENERATE("asp", "bsp");
  for (const auto& row : ops::optimizers()) {
    if (has_table && row.needs_whole_tensors) continue;
    check_goes_on({.policy = policy, .optimizer = &row, .has_table = has_table});
  }
  if (has_table) return;
  for (const auto* outer : {"average", "diloco", "delayed_nesterov:3"})
    check_goes_on({.policy = policy, .outer = outer});
}

TEST_CASE("a restored shard goes on with the same bits, under every policy", "[runtime][capture]") {
  for (const auto* policy : {"bsp", "ssp:2", "asp", "dssp:1:3", "psp:1"})
    check_goes_on({.policy = policy, .has_table = true});
}

TEST_CASE("codecs, schedules, weights and compensations go on where they were",
          "[runtime][capture]") {
  const auto& adam = ops::optimizers()[4];
  REQUIRE(adam.name == "adam");
  check_goes_on({.optimizer = &adam, .codec = "topk:0.2 | int8", .pull_codec = "int8"});
  check_goes_on({.policy = "bsp", .optimizer = &adam, .codec = "int8", .pull_codec = "f16"});
  check_goes_on({.optimizer = &adam, .schedule = "cosine:3 epochs"});
  check_goes_on({.schedule = "step:30:0.5", .weight = "inverse"});
  check_goes_on({.optimizer = &adam, .compensation = "dc:0.5"});
  check_goes_on({.optimizer = &adam, .compensation = "dc-adaptive:0.5", .weight = "inverse"});
}

TEST_CASE("the policies that a shard was switched to are in force after it is restored",
          "[runtime][capture]") {
  check_goes_on({.policy = "ssp:1"}, "ssp:4");
  check_goes_on({.policy = "asp"}, "bsp");
  check_goes_on({.policy = "bsp"}, "ssp:2");
}

TEST_CASE("SH-2: a restored shard takes no lease again that it had taken", "[runtime][capture]") {
  shard_probe shard(shard_of("asp"));
  shard.push(push_of(worker_stamp(0), 0, 3));
  auto options = shard_of("asp");
  options.restored = shard.twin.capture({1});
  shard_probe restored(std::move(options));
  auto again = push_of(worker_stamp(1, 2), 5, 3);
  again.what.attempt = {65'537};
  CHECK(restored.push(again).pushes.front().what.outcome == push_outcome::duplicate);
  CHECK(restored.parameters() == shard.parameters());
  CHECK(restored.twin.report().duplicates == 1);
}

TEST_CASE("CO-1: a restored shard still says which pushes of a worker it took last",
          "[runtime][capture]") {
  shard_probe shard(shard_of("asp"));
  for (std::uint64_t lease = 1; lease <= 3; ++lease)
    shard.push(push_of(worker_stamp(0), lease, lease));
  auto options = shard_of("asp");
  options.restored = shard.twin.capture({1});
  shard_probe restored(std::move(options));
  const auto reply = restored.pull(pull_of(worker_stamp(0, 2), 4)).pulls.front().what;
  CHECK(reply.taken == std::array{lease_attempt_id{{3}, {1}}, lease_attempt_id{{2}, {1}}});
}

TEST_CASE("CL-2: the workers of a restored shard all start at the highest clock that it saw",
          "[runtime][capture]") {
  shard_probe shard(shard_of("ssp:2", 2));
  for (std::uint64_t clock = 0; clock < 3; ++clock)
    shard.push(push_of(worker_stamp(1), clock, clock));
  shard.push(empty_push(worker_stamp(1), 3, push_verdict::leave));
  auto options = shard_of("ssp:2", 2);
  options.restored = shard.twin.capture({1});
  CHECK(options.restored->clock == worker_clock{3});
  shard_probe restored(std::move(options));
  CHECK(restored.pull(pull_of(worker_stamp(1), 5)).pulls.size() == 1);
  CHECK(restored.pull(pull_of(worker_stamp(1), 6)).pulls.empty());
}

TEST_CASE("a shard that was switched to rounds starts its workers at the round that is open",
          "[runtime][capture]") {
  shard_trial trial({.policy = "asp"}, 1);
  trial.run(20);
  const auto before = trial.capture();
  trial.switch_to("bsp");
  const auto state = trial.capture();
  CHECK(state->round > before->clock.value);
  CHECK(state->clock.value == state->round);
}

TEST_CASE("a captured state stays as it was while the shard goes on", "[runtime][capture]") {
  shard_trial trial({.optimizer = &ops::optimizers()[4], .has_table = true}, 1);
  trial.run(10);
  const auto state = trial.capture();
  const auto copy = [](const ops::tensor& x) {
    const auto values = x.values<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  const auto values = copy(state->values), moment = copy(state->optimizer.front().values),
             row_moment = copy(state->tables.front().optimizer.front().values);
  trial.run(30);
  CHECK(copy(state->values) == values);
  CHECK(copy(state->optimizer.front().values) == moment);
  CHECK(copy(state->tables.front().optimizer.front().values) == row_moment);
}

TEST_CASE("a shard is not captured inside a round", "[runtime][capture]") {
  shard_probe shard(shard_of("bsp", 2));
  shard.push(in_round(push_of(worker_stamp(0), 0, 0), 0, 2));
  CHECK_THROWS_AS(shard.twin.capture({1}), ops::contract_error);
}

TEST_CASE("a state of another shard, size, optimizer or table is not restored",
          "[runtime][capture]") {
  const auto state = shard_trial({.has_table = true}, 1).capture();
  const auto refusal = [&](const trial_kind& kind, auto change) -> std::string {
    auto options = kind.shard();
    change(options);
    options.restored = state;
    try {
      shard made(std::move(options));
    } catch (const ops::contract_error& problem) {
      return problem.what();
    }
    return "restored";
  };
  const auto as_it_is = [](shard_options&) {};
  using Catch::Contains;
  CHECK(refusal({.has_table = true}, as_it_is) == "restored");
  CHECK_THAT(refusal({}, as_it_is), Contains("has 1 tables, expected 0"));
  CHECK_THAT(refusal({.optimizer = &ops::optimizers()[4], .has_table = true}, as_it_is),
             Contains("another optimizer of parameters"));
  CHECK_THAT(refusal({.has_table = true, .compensation = "dc-adaptive:1"}, as_it_is),
             Contains("0 values of compensation, expected 40"));
  CHECK_THAT(refusal({.has_table = true}, [](shard_options& x) { x.id = {1}; }),
             Contains("shard 1 of 1 restored from the state of shard 0 of 1"));
  CHECK_THAT(refusal({.has_table = true},
                     [](shard_options& x) {
                       x.parameters.tables[0].shape.width = 1,
                       x.parameters.tables[0].shape.rows = 18;
                     }),
             Contains("another shape in table 0"));
}

TEST_CASE("the counts of a shard fit the workers of the job that it is restored in",
          "[runtime][capture]") {
  shard_probe shard(shard_of("asp", 100));
  shard.push(push_of(worker_stamp(99), 0, 1));
  auto options = shard_of("asp", 2);
  options.restored = shard.twin.capture({1});
  const auto report = runtime::shard(std::move(options)).report();
  CHECK(report.staleness.size() == 256);
  CHECK(report.staleness[0] == 1);
  CHECK(report.staleness_recent.size() == 2);
  CHECK(report.entered == 1);
}

} // namespace lagrange::tests
