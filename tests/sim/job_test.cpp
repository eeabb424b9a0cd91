// Whole jobs in simulation. LAGRANGE_SIM_SEED=N runs one seed alone, LAGRANGE_SIM_SEEDS=N that
// many.
#include "simulation.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstdlib>

using namespace lagrange;
using sim::scenario;
using sim::simulate;

namespace {

std::vector<std::uint64_t> seeds(std::uint64_t count) {
  if (const char* one = std::getenv("LAGRANGE_SIM_SEED")) return {std::strtoull(one, nullptr, 10)};
  if (const char* many = std::getenv("LAGRANGE_SIM_SEEDS"))
    count = std::strtoull(many, nullptr, 10);
  std::vector<std::uint64_t> made;
  for (std::uint64_t seed = 1; seed <= count; ++seed) made.push_back(seed);
  return made;
}

const std::vector<std::string> every_policy{"bsp", "ssp:0", "ssp:2", "asp", "quorum:2:5ms"};

/// A scenario whose every choice comes from its seed.
scenario drawn(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto pick = [&](std::uint64_t below) { return random() % below; };
  scenario made;
  made.seed = seed;
  made.policy = every_policy[pick(every_policy.size())];
  made.workers = static_cast<std::uint32_t>(1 + pick(5));
  made.shards = static_cast<std::uint32_t>(1 + pick(3));
  made.crashes = static_cast<std::uint32_t>(pick(4));
  made.faults = {0.05 * static_cast<double>(pick(4)), 0.05 * static_cast<double>(pick(4)),
                 std::chrono::milliseconds(pick(30))};
  return made;
}

} // namespace

TEST_CASE("SH-1 SH-2 LE-1 CL-1 CL-2 EN-1: faulty links and crashes break no invariant", "[sim]") {
  for (const auto seed : seeds(50)) {
    const auto chosen = drawn(seed);
    INFO("seed " << seed << ", " << chosen.policy << ", " << chosen.workers << " workers, "
                 << chosen.shards << " shards, " << chosen.crashes << " crashes");
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    for (const auto parameter : found.parameters)
      CHECK(parameter == -static_cast<float>(found.expected_updates));
  }
}

TEST_CASE("RE-1: a seed determines a simulated run completely", "[sim]") {
  for (const auto& policy : every_policy) {
    scenario chosen;
    chosen.policy = policy;
    chosen.crashes = 1;
    chosen.faults = {0.05, 0.05, std::chrono::milliseconds(10)};
    chosen.seed = 42;
    const auto first = simulate(chosen);
    const auto second = simulate(chosen);
    CHECK(first.breach == "");
    CHECK(first.fingerprint == second.fingerprint);
    CHECK(first.events == second.events);
    CHECK(first.parameters == second.parameters);
    chosen.seed = 43;
    CHECK(simulate(chosen).fingerprint != first.fingerprint);
  }
}

TEST_CASE("a simulated job without faults deals no lease again", "[sim]") {
  for (const auto& policy : every_policy) {
    scenario chosen;
    chosen.policy = policy;
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    CHECK((found.figures.leases.dropped > 0) == policy.starts_with("quorum"));
    CHECK(found.figures.leases.dealt_again == 0);
    CHECK(found.figures.restarts.worker == 0);
  }
}

TEST_CASE("a crash in a simulated job is a restart and its leases are dealt again", "[sim]") {
  scenario chosen;
  chosen.crashes = 3;
  const auto found = simulate(chosen);
  CHECK(found.breach == "");
  CHECK(found.figures.restarts.worker == 3);
  CHECK(found.figures.leases.dealt_again > 0);
}

TEST_CASE("CL-2 RE-1 LE-1: a policy is switched at one clock on every shard, and replays",
          "[sim][switch]") {
  std::size_t switches = 0;
  const std::vector<std::string> targets{"bsp", "ssp:0",        "ssp:3",
                                         "asp", "quorum:2:5ms", "dssp:1:4"};
  for (const auto seed : seeds(60)) {
    auto chosen = drawn(seed);
    std::mt19937_64 random(seed);
    for (const auto at : {20, 65})
      chosen.switches.push_back(fmt::format(R"({{at = "{} samples", to = "{}"}})", at,
                                            targets[random() % targets.size()]));
    INFO("seed " << seed << ", " << chosen.policy << ", then " << chosen.switches[0] << " and "
                 << chosen.switches[1] << ", " << chosen.workers << " workers, " << chosen.shards
                 << " shards, " << chosen.crashes << " crashes");
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    for (const auto parameter : found.parameters)
      CHECK(parameter == -static_cast<float>(found.expected_updates));
    CHECK(sim::find_difference(chosen, found) == "");
    switches += found.figures.switches.size();
  }
  CHECK(switches > 0);
}

TEST_CASE("SH-1 SH-2 LE-1 CL-2 RE-1: leases of different sizes break no invariant, and replay",
          "[sim][dynamic]") {
  std::uint64_t leases = 0, batches = 0, dealt_again = 0;
  const std::vector<std::string> policies{"ssp:0", "ssp:2", "asp", "dssp:1:4", "psp:1"};
  for (const auto seed : seeds(50)) {
    auto chosen = drawn(seed);
    chosen.policy = policies[seed % policies.size()];
    chosen.set = {"staleness.local_steps=4", "staleness.dynamic_steps=true"};
    INFO("seed " << seed << ", " << chosen.policy << ", " << chosen.workers << " workers, "
                 << chosen.shards << " shards, " << chosen.crashes << " crashes");
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    CHECK(sim::find_difference(chosen, found) == "");
    leases += found.figures.leases.applied;
    batches += 26; // two epochs of 65 samples, five a batch
    dealt_again += found.figures.leases.dealt_again;
  }
  CHECK(leases * 4 > batches * 11 / 10); // not all of them had four
  CHECK(leases * 2 < batches * 2);
  CHECK(dealt_again > 0);
}
