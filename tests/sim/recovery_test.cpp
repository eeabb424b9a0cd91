// Simulated jobs whose shards, feeder or all processes die, and that go back to their newest whole
// cut and on. What counts at the end is one history: its invariants, its numbers, its replay.
#include "simulation.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace lagrange;
using sim::scenario;
using sim::simulate;

namespace {

/// LAGRANGE_SIM_SEEDS=N tries that many.
std::uint64_t seeds(std::uint64_t count) {
  const char* many = std::getenv("LAGRANGE_SIM_SEEDS");
  return many ? std::strtoull(many, nullptr, 10) : count;
}

const std::vector<std::string> policies{"bsp", "ssp:0", "ssp:2", "asp", "quorum:2:10ms"};

/// A scenario whose every choice comes from its seed.
scenario drawn(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto pick = [&](std::uint64_t below) { return random() % below; };
  scenario made;
  made.seed = seed;
  made.policy = policies[pick(policies.size())];
  made.workers = static_cast<std::uint32_t>(1 + pick(4));
  made.shards = static_cast<std::uint32_t>(1 + pick(3));
  made.crashes = static_cast<std::uint32_t>(pick(3));
  made.falls = static_cast<std::uint32_t>(1 + pick(3));
  made.faults = {0.05 * static_cast<double>(pick(3)), 0.05 * static_cast<double>(pick(3)),
                 std::chrono::milliseconds(pick(20))};
  made.set = {"checkpoint.every=" + std::to_string(20 + pick(100)) + "ms"};
  return made;
}

} // namespace

TEST_CASE("DU-1 LE-1 SH-1 SH-2 EN-1: whoever dies, every lease counts once at the end",
          "[sim][recovery]") {
  std::uint64_t terms = 0, rolled_back = 0;
  for (std::uint64_t seed = 1; seed <= seeds(200); ++seed) {
    const auto chosen = drawn(seed);
    INFO("seed " << seed << ", " << chosen.policy << ", " << chosen.workers << " workers, "
                 << chosen.shards << " shards, " << chosen.crashes << " crashes, " << chosen.falls
                 << " falls, " << chosen.set.front());
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    for (const auto parameter : found.parameters)
      CHECK(parameter == -static_cast<float>(found.expected_updates));
    terms += found.terms;
    rolled_back += found.rolled_back;
  }
  CHECK(terms > seeds(200)); // the trial is one: terms ended, and something was lost with them
  CHECK(rolled_back > 0);
}

TEST_CASE("RE-1 CO-1: the history of a job that went back replays to the same bits",
          "[sim][recovery][replay]") {
  for (const auto& policy : policies)
    for (const std::string codec : {"none", "topk:0.2 | int8", "f16"})
      for (std::uint64_t seed = 1; seed <= seeds(5); ++seed) {
        auto chosen = drawn(seed);
        chosen.policy = policy;
        chosen.workers = 3;
        chosen.model = R"({layers = [{type = "linear", outputs = 6, after = "relu"},
                                    {type = "linear", outputs = 2}]})";
        chosen.set.insert(chosen.set.end(),
                          {"optimizer.name=adam", "optimizer.rate=0.01", "codec.push=" + codec});
        INFO("seed " << seed << ", " << policy << ", " << codec);
        const auto recorded = simulate(chosen);
        REQUIRE(recorded.breach == "");
        CHECK(sim::find_difference(chosen, recorded) == "");
      }
}

TEST_CASE("RE-1 DU-1: jobs with tables, local steps, and whatever changes numbers go back too",
          "[sim][recovery][replay]") {
  for (std::uint64_t seed = 1; seed <= seeds(4); ++seed)
    for (const std::string key : {"staleness.local_steps=2", "staleness.compensation=dc:0.5",
                                  "precision.compute=f16", "staleness.weight=inverse"}) {
      auto chosen = drawn(seed);
      chosen.policy = "asp";
      chosen.model = R"({layers = [{type = "linear", outputs = 2}]})";
      chosen.set.insert(chosen.set.end(), {"optimizer.rate=0.01", key});
      INFO("seed " << seed << ", " << key);
      const auto recorded = simulate(chosen);
      REQUIRE(recorded.breach == "");
      CHECK(sim::find_difference(chosen, recorded) == "");
    }
  for (std::uint64_t seed = 1; seed <= seeds(4); ++seed) {
    auto chosen = drawn(seed);
    chosen.model = "{name = \"mf\", width = 3}";
    chosen.set.insert(chosen.set.end(),
                      {"data.path=zipf-pairs:65:20:30:1.05", "optimizer.rate=0.1"});
    INFO("seed " << seed << ", mf, " << chosen.policy);
    const auto recorded = simulate(chosen);
    REQUIRE(recorded.breach == "");
    CHECK(sim::find_difference(chosen, recorded) == "");
  }
}
