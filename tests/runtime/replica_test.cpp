// Laws of replicas: what anybody has heard of survives the shard, and nothing else is made up.
#include "tests/support/replicated_shard.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;

namespace {

/// The shard dies, and its replica goes on.
void check_survives(replicated_shard& trial) {
  const auto told = trial.told();
  trial.fail_over();
  const auto& before = trial.primary();
  const auto& after = trial.second();
  const auto begun = trial.begun_at() + after.entries.size();
  REQUIRE(trial.begun_at() <= before.entries.size());
  // Bit for bit as the shard was after as many records.
  const auto shared = std::min(begun, before.entries.size()) - trial.begun_at();
  CHECK(std::equal(after.entries.begin(),
                   after.entries.begin() + static_cast<std::ptrdiff_t>(shared),
                   before.entries.begin() + static_cast<std::ptrdiff_t>(trial.begun_at())));
  if (begun > 0 && before.parameters.contains(begun))
    CHECK(after.parameters.rbegin()->second == before.parameters.at(begun));
  CHECK(trial.live().report().version >= told);
  CHECK(trial.entered_at_most() >= trial.acknowledged());
  trial.run(400);
  CHECK(trial.live().report().version > told);
  CHECK(trial.live().report().applied == trial.live().report().entered);
  trial.finish();
  CHECK(trial.live().report().entered >= trial.acknowledged());
}

void check_survives(const trial_kind& kind, std::uint32_t seeds = 20) {
  for (std::uint32_t seed = 0; seed < seeds; ++seed) {
    INFO("seed " << seed << ", policy " << kind.policy << ", codec " << kind.codec);
    replicated_shard trial(kind, seed);
    trial.run(20 + static_cast<int>(seed) * 11);
    check_survives(trial);
  }
}

/// Of a replica that is filled while the shard works.
void check_is_filled(const trial_kind& kind, std::uint32_t seeds = 20) {
  for (std::uint32_t seed = 0; seed < seeds; ++seed) {
    INFO("seed " << seed << ", policy " << kind.policy << ", codec " << kind.codec);
    replicated_shard trial(kind, seed, seed % 2 == 0);
    trial.run(20 + static_cast<int>(seed) * 11);
    trial.fill();
    for (int turn = 0; turn < 2000 && !trial.follows(); ++turn) trial.run(1);
    REQUIRE(trial.follows());
    trial.run(static_cast<int>(seed) * 3);
    check_survives(trial);
  }
}

} // namespace

TEST_CASE("DU-1 SH-1 SH-2: a promoted replica has all that anybody heard of, under every policy",
          "[runtime][replica]") {
  for (const auto* policy : {"bsp", "ssp:0", "ssp:2", "asp", "dssp:1:3", "psp:1", "quorum:3:5ms"})
    check_survives({.policy = policy});
}

TEST_CASE("DU-1: codecs, optimizers and compensations go on in a promoted replica",
          "[runtime][replica]") {
  const auto& adam = ops::optimizers()[4];
  check_survives({.policy = "asp", .optimizer = &adam, .codec = "topk:0.2 | int8"});
  check_survives({.policy = "bsp", .optimizer = &adam, .codec = "int8", .pull_codec = "f16"});
  check_survives({.policy = "ssp:2", .has_table = true, .compensation = "dc-adaptive:0.5"});
}

TEST_CASE("DU-1 SH-1 SH-2: a replica that begins in the middle has all of it, under every policy",
          "[runtime][replica]") {
  for (const auto* policy : {"bsp", "ssp:0", "ssp:2", "asp", "dssp:1:3", "psp:1", "quorum:3:5ms"})
    check_is_filled({.policy = policy});
}

TEST_CASE("DU-1: codecs, optimizers, tables and compensations are part of what fills a replica",
          "[runtime][replica]") {
  const auto& adam = ops::optimizers()[4];
  check_is_filled({.policy = "asp", .optimizer = &adam, .codec = "topk:0.2 | int8"});
  check_is_filled({.policy = "bsp", .optimizer = &adam, .codec = "int8", .pull_codec = "f16"});
  check_is_filled({.policy = "ssp:2", .has_table = true, .compensation = "dc-adaptive:0.5"});
}

} // namespace lagrange::tests
