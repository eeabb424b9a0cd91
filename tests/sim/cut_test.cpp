// Cuts of simulated jobs, with crashes and faulty links: each is a state that the journals up to it
// lead to, and nothing in it came from beyond it.
#include "simulation.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace lagrange;
using sim::scenario;
using sim::simulate;

namespace {

/// LAGRANGE_SIM_SEEDS=N tries that many.
std::uint64_t seeds() {
  const char* many = std::getenv("LAGRANGE_SIM_SEEDS");
  return many ? std::strtoull(many, nullptr, 10) : 10;
}

scenario cutting(const std::string& policy, std::uint64_t seed, std::uint32_t crashes) {
  scenario made;
  made.seed = seed;
  made.policy = policy;
  made.workers = 3;
  made.crashes = crashes;
  made.faults = {0.05, 0.05, std::chrono::milliseconds(10)};
  made.model = R"({layers = [{type = "linear", outputs = 6, after = "relu"},
                            {type = "linear", outputs = 2}]})";
  made.set = {"optimizer.name=adam", "optimizer.rate=0.01", "checkpoint.every=30ms"};
  return made;
}

/// How many cuts were whole.
std::size_t check(const scenario& chosen) {
  INFO("seed " << chosen.seed << ", " << chosen.policy << ", " << chosen.set.back());
  const auto recorded = simulate(chosen);
  REQUIRE(recorded.breach == "");
  REQUIRE(recorded.terms == 1); // nobody went back, by a fault of his own
  for (const auto& cut : recorded.cuts) {
    INFO("cut " << cut.manifest.cut.value);
    CHECK(sim::find_cut_difference(chosen, recorded, cut) == "");
  }
  return recorded.cuts.size();
}

} // namespace

TEST_CASE("DU-1 RE-1: a cut of a running job is a state that its journals lead to, by every policy",
          "[sim][cut]") {
  for (const std::string policy : {"bsp", "ssp:0", "ssp:2", "asp", "quorum:2:10ms", "psp:1"})
    for (const std::uint32_t crashes : {0U, 2U}) {
      std::size_t whole = 0;
      for (std::uint64_t seed = 1; seed <= seeds(); ++seed)
        whole += check(cutting(policy, seed, crashes));
      CHECK(whole >= seeds()); // at least one a job, also where many are given up
    }
}

TEST_CASE("DU-1 CO-1: so it is with error feedback, where each worker has a part of it",
          "[sim][cut]") {
  for (const std::string policy : {"bsp", "ssp:2", "asp", "quorum:2:10ms"})
    for (const std::string codec : {"topk:0.2 | int8", "f16"}) {
      std::size_t whole = 0;
      for (std::uint64_t seed = 1; seed <= std::min<std::uint64_t>(seeds(), 5); ++seed) {
        auto chosen = cutting(policy, seed, 1);
        chosen.set.push_back("codec.push=" + codec);
        whole += check(chosen);
      }
      CHECK(whole > 0);
    }
}

TEST_CASE("DU-1: tables, local steps and switches of the policy do not disturb cuts",
          "[sim][cut]") {
  for (const std::string key : {"staleness.local_steps=2", "precision.compute=f16",
                                "staleness.compensation=dc:0.5", "staleness.weight=inverse"}) {
    auto chosen = cutting("asp", 3, 1);
    chosen.set.push_back(key);
    CHECK(check(chosen) > 0);
  }
  for (const std::string to : {"bsp", "asp", "quorum:2:5ms"})
    for (std::uint64_t seed = 1; seed <= std::min<std::uint64_t>(seeds(), 5); ++seed) {
      auto chosen = cutting("ssp:2", seed, 1);
      chosen.switches = {"{at = \"40 samples\", to = \"" + to + "\"}"};
      check(chosen);
    }
  auto tables = cutting("ssp:2", 4, 1);
  tables.model = "{name = \"mf\", width = 3}";
  tables.set = {"data.path=zipf-pairs:65:20:30:1.05", "optimizer.rate=0.1",
                "checkpoint.every=30ms"};
  CHECK(check(tables) > 0);
}
