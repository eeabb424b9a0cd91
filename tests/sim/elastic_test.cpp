// Simulated jobs whose workers come and go while they run.
#include "simulation.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>

using namespace lagrange;
using sim::scenario;
using sim::simulate;

namespace {

/// LAGRANGE_SIM_SEEDS=N tries that many.
std::uint64_t seeds(std::uint64_t count) {
  const char* many = std::getenv("LAGRANGE_SIM_SEEDS");
  return many != nullptr ? std::strtoull(many, nullptr, 10) : count;
}

const std::vector<std::string> policies{"bsp",           "ssp:0", "ssp:2",   "asp",
                                        "quorum:2:10ms", "psp:1", "dssp:1:3"};

scenario elastic(std::uint64_t seed) {
  scenario made;
  made.seed = seed;
  made.policy = policies[seed % policies.size()];
  made.workers = 2 + static_cast<std::uint32_t>(seed % 3);
  made.shards = 1 + static_cast<std::uint32_t>(seed / 3 % 3);
  made.room = static_cast<std::uint32_t>(seed % 4);
  made.joins = 1 + static_cast<std::uint32_t>(seed % 5);
  made.drains = static_cast<std::uint32_t>(seed / 2 % 4);
  made.faults = {0.04 * static_cast<double>(seed % 3), 0.05, std::chrono::milliseconds(10)};
  return made;
}

/// The count's parameters are whole numbers: each lease once.
void check_counts(const sim::report& found) {
  for (const auto parameter : found.parameters)
    CHECK(parameter == -static_cast<float>(found.expected_updates));
}

} // namespace

TEST_CASE("LE-1 SH-2 CL-1 CL-2 EN-1 RE-1: workers join and leave at any moment", "[sim][elastic]") {
  std::size_t joined = 0, left = 0;
  for (std::uint64_t seed = 1; seed <= seeds(40); ++seed) {
    auto chosen = elastic(seed);
    chosen.crashes = static_cast<std::uint32_t>(seed % 3);
    INFO("seed " << seed << ", " << chosen.policy << ", " << chosen.workers << " workers, room for "
                 << chosen.room << " more, " << chosen.joins << " joins, " << chosen.drains
                 << " drains");
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    check_counts(found);
    CHECK(sim::find_difference(chosen, found) == "");
    joined += found.figures.joined.size();
    left += found.figures.left.size();
  }
  CHECK(joined > 0);
  CHECK(left > 0);
}

TEST_CASE("CO-1 RE-1: with error feedback a run whose workers join and leave replays to the bits",
          "[sim][elastic]") {
  for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
    auto chosen = elastic(seed);
    chosen.room = 2;
    chosen.crashes = static_cast<std::uint32_t>(seed % 2);
    chosen.model = R"({layers = [{type = "linear", outputs = 12, after = "relu"},
                                {type = "linear", outputs = 2}]})";
    chosen.set = {"optimizer.name=adam", "optimizer.rate=0.01", "codec.push=topk:0.2 | int8"};
    INFO("seed " << seed << ", " << chosen.policy);
    const auto found = simulate(chosen);
    REQUIRE(found.breach == "");
    CHECK(sim::find_difference(chosen, found) == "");
  }
}

TEST_CASE("LE-1 DU-1 RE-1: who was drained stays away when everybody goes back to a cut",
          "[sim][elastic]") {
  std::size_t terms = 0;
  for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
    auto chosen = elastic(seed);
    chosen.room = 2;
    chosen.falls = 1;
    chosen.set = {"checkpoint.every=50ms"};
    INFO("seed " << seed << ", " << chosen.policy);
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    check_counts(found);
    CHECK(sim::find_difference(chosen, found) == "");
    terms += found.terms;
  }
  CHECK(terms > seeds(20));
}
