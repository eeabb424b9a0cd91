// Simulated jobs whose shards have replicas, and die.
#include "simulation.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>

using namespace lagrange;
using sim::scenario;
using sim::simulate;

namespace {

std::uint64_t seeds(std::uint64_t count) {
  const char* many = std::getenv("LAGRANGE_SIM_SEEDS");
  return many != nullptr ? std::strtoull(many, nullptr, 10) : count;
}

const std::vector<std::string> policies{"bsp", "ssp:0", "ssp:2", "asp", "quorum:2:5ms", "psp:1"};

std::size_t told(const sim::report& found, const std::string& what) {
  return static_cast<std::size_t>(std::ranges::count_if(
      found.told, [&](const auto& each) { return each.find(what) != std::string::npos; }));
}

scenario drawn(std::uint64_t seed) {
  scenario chosen;
  chosen.seed = seed;
  chosen.policy = policies[seed % policies.size()];
  chosen.workers = 2 + static_cast<std::uint32_t>(seed % 3);
  chosen.shards = 1 + static_cast<std::uint32_t>(seed % 3);
  chosen.replicas = 1;
  chosen.shard_crashes = chosen.shards;
  chosen.crashes = static_cast<std::uint32_t>(seed % 2);
  chosen.faults = {0.05 * static_cast<double>(seed % 3), 0.05, std::chrono::milliseconds(10)};
  return chosen;
}

} // namespace

TEST_CASE("DU-1 LE-1 SH-2 RE-1: shards with replicas die at any moment, and nothing is lost",
          "[sim][replica]") {
  std::uint32_t promotions = 0;
  for (std::uint64_t seed = 1; seed <= seeds(48); ++seed) {
    const auto chosen = drawn(seed);
    INFO("seed " << seed << ", " << chosen.policy << ", " << chosen.workers << " workers, "
                 << chosen.shards << " shards");
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    CHECK(found.figures.restarts.shard == found.promotions);
    CHECK(told(found, "its replica goes on as incarnation 2 after") == found.promotions);
    for (const auto parameter : found.parameters)
      CHECK(parameter == -static_cast<float>(found.expected_updates));
    CHECK(sim::find_difference(chosen, found) == "");
    promotions += found.promotions;
  }
  CHECK(promotions > seeds(48) / 2);
}

TEST_CASE("RE-1: a cut made around a promotion is a state that the journals lead to",
          "[sim][replica][cut]") {
  for (std::uint64_t seed = 1; seed <= seeds(12); ++seed) {
    auto chosen = drawn(seed);
    chosen.set = {"checkpoint.every=200ms", "codec.push=int8"};
    chosen.epochs = 4;
    INFO("seed " << seed << ", " << chosen.policy);
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    for (const auto& cut : found.cuts) CHECK(sim::find_cut_difference(chosen, found, cut) == "");
  }
}

TEST_CASE("DU-1 EN-1: deaths after those go back to a cut, and on with new replicas",
          "[sim][replica][terms]") {
  std::uint32_t promotions = 0, terms = 0;
  for (std::uint64_t seed = 1; seed <= seeds(24); ++seed) {
    auto chosen = drawn(seed);
    chosen.set = {"checkpoint.every=50ms"};
    chosen.epochs = 4;
    chosen.falls = 2;
    INFO("seed " << seed << ", " << chosen.policy);
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    for (const auto parameter : found.parameters)
      CHECK(parameter == -static_cast<float>(found.expected_updates));
    CHECK(sim::find_difference(chosen, found) == "");
    promotions += found.promotions;
    terms += found.terms - 1;
  }
  CHECK(promotions > 0);
  CHECK(terms > 0);
}
