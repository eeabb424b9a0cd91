// Simulated jobs, recomputed from their journals alone.
#include "simulation.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>

using namespace lagrange;
using namespace lagrange::runtime;
using Catch::Contains;
using Catch::StartsWith;
using sim::scenario;
using sim::simulate;

namespace {

/// LAGRANGE_SIM_SEEDS=N tries that many.
std::uint64_t seeds() {
  const char* many = std::getenv("LAGRANGE_SIM_SEEDS");
  return many ? std::strtoull(many, nullptr, 10) : 10;
}

scenario stormy(const std::string& policy, std::uint64_t seed) {
  scenario made;
  made.seed = seed;
  made.policy = policy;
  made.workers = 3;
  made.crashes = 2;
  made.faults = {0.05, 0.05, std::chrono::milliseconds(10)};
  made.model = R"({layers = [{type = "linear", outputs = 12, after = "relu"},
                            {type = "batch_norm"}, {type = "dropout", share = 0.2},
                            {type = "linear", outputs = 2}]})";
  made.set = {"optimizer.name=adam", "optimizer.rate=0.01"};
  return made;
}

void check_replays(const scenario& chosen) {
  INFO("seed " << chosen.seed << ", " << chosen.policy << ", " << chosen.set.back());
  const auto recorded = simulate(chosen);
  REQUIRE(recorded.breach == "");
  CHECK(sim::find_difference(chosen, recorded) == "");
}

} // namespace

TEST_CASE("RE-1: a run with crashes and faulty links replays to the same bits, by every policy",
          "[sim][replay]") {
  for (const std::string policy : {"bsp", "ssp:0", "ssp:2", "asp", "quorum:2:10ms"})
    for (std::uint64_t seed = 1; seed <= seeds(); ++seed) check_replays(stormy(policy, seed));
}

TEST_CASE("RE-1 CO-1: with error feedback a run with crashes replays to the same bits",
          "[sim][replay]") {
  for (const std::string policy : {"bsp", "ssp:2", "quorum:2:10ms"})
    for (const std::string codec : {"topk:0.2 | int8", "int8", "f16"})
      for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        auto chosen = stormy(policy, seed);
        chosen.set.push_back("codec.push=" + codec);
        check_replays(chosen);
      }
}

TEST_CASE("RE-1: whatever changes the numbers of a step is replayed", "[sim][replay]") {
  for (const std::string policy : {"bsp", "ssp:2"})
    for (const std::string key :
         {"precision.compute=bf16", "precision.compute=f16", "optimizer.clip_norm=0.1",
          "codec.pull=int8", "optimizer.schedule=cosine:2 epochs", "optimizer.name=lamb",
          "staleness.weight=inverse", "staleness.compensation=dc:0.5",
          "staleness.compensation=dc-adaptive:2", "staleness.local_steps=2"}) {
      auto chosen = stormy(policy, 7);
      chosen.set.push_back(key);
      check_replays(chosen);
    }
}

TEST_CASE("RE-1: what workers keep for themselves between leases is replayed", "[sim][replay]") {
  for (const std::string policy : {"bsp", "asp", "quorum:2:10ms"})
    for (const std::string outer : {"elastic:0.3", "diloco", "delayed_nesterov:3"})
      for (std::uint64_t seed = 1; seed <= std::min<std::uint64_t>(seeds(), 3); ++seed) {
        auto chosen = stormy(policy, seed);
        chosen.set.insert(chosen.set.end(),
                          {"staleness.local_steps=3", "staleness.outer=" + outer});
        check_replays(chosen);
      }
}

TEST_CASE("RE-1: leases of different sizes are replayed, with codecs and what workers keep",
          "[sim][replay][dynamic]") {
  for (const std::string policy : {"ssp:2", "asp"})
    for (const std::string key :
         {"staleness.outer=elastic:0.3", "staleness.outer=delayed_nesterov:3",
          "codec.push=topk:0.2 | int8", "precision.compute=f16", "optimizer.clip_norm=0.1"})
      for (std::uint64_t seed = 1; seed <= std::min<std::uint64_t>(seeds(), 3); ++seed) {
        auto chosen = stormy(policy, seed);
        chosen.set.insert(chosen.set.end(),
                          {"staleness.local_steps=4", "staleness.dynamic_steps=true", key});
        check_replays(chosen);
      }
}

TEST_CASE("RE-1 SH-1 SH-2 LE-1 CL-2: jobs with tables break no invariant, and replay to the same "
          "bits",
          "[sim][replay][tables]") {
  for (const std::string policy : {"bsp", "ssp:2", "asp", "quorum:2:10ms"})
    for (const std::string model : {"mf", "skipgram"})
      for (const std::string key : {"optimizer.name=adam", "precision.compute=f16"})
        for (std::uint64_t seed = 1; seed <= std::min<std::uint64_t>(seeds(), 3); ++seed) {
          auto chosen = stormy(policy, seed);
          chosen.model = "{name = \"" + model + "\", width = 3}";
          chosen.set = {"data.path=zipf-pairs:65:20:30:1.05", "optimizer.rate=0.1", key};
          check_replays(chosen);
        }
}

TEST_CASE("RE-1: a row that was read at another version is found", "[sim][replay][tables]") {
  auto chosen = stormy("asp", 2);
  chosen.model = "{name = \"mf\", width = 3}";
  chosen.set = {"data.path=zipf-pairs:65:20:30:1.05", "optimizer.rate=0.1"};
  auto recorded = simulate(chosen);
  REQUIRE(recorded.breach == "");
  auto& entries = recorded.journals[0].entries;
  const auto late = std::ranges::find_if(entries, [](const auto& entry) {
    return entry.kind == journal_kind::applied && entry.read.value > 20;
  });
  REQUIRE(late != entries.end());
  late->read = {late->read.value - 15};
  CHECK_THAT(sim::find_difference(chosen, recorded), Contains(" differs"));
}

TEST_CASE("RE-1: a journal that was changed is contradicted at the update that it changes",
          "[sim][replay]") {
  const auto chosen = stormy("ssp:2", 3);
  const auto recorded = simulate(chosen);
  REQUIRE(recorded.breach == "");
  const auto find = [&](sim::report& forged, std::uint64_t update) -> journal_entry& {
    return *std::ranges::find_if(forged.journals[1].entries, [&](const auto& entry) {
      return entry.kind == journal_kind::applied && entry.version.value == update;
    });
  };
  auto forged = recorded;
  find(forged, 11).checksum ^= 1;
  CHECK_THAT(sim::find_difference(chosen, forged), StartsWith("update 11 of shard-1 (lease "));
  forged = recorded;
  find(forged, 11).clip_scale = 0.5F;
  CHECK_THAT(sim::find_difference(chosen, forged), Contains("clipped by 0.5, here by 1"));
  forged = recorded;
  auto& entry = find(forged, 11);
  entry.read = {entry.read.value > 0 ? entry.read.value - 1 : 1};
  CHECK_THAT(sim::find_difference(chosen, forged), Contains(" differs"));
  forged = recorded;
  std::swap(find(forged, 11).what, find(forged, 12).what);
  CHECK(sim::find_difference(chosen, forged) != "");
  forged = recorded;
  for (auto& each : forged.journals[0].entries) each.digest.fill(std::byte{1});
  CHECK_THAT(sim::find_difference(chosen, forged),
             Contains("parameters of shard-0 differ after update"));
}

TEST_CASE("a journal that was cut off ends the replay with its place named", "[sim][replay]") {
  const auto chosen = stormy("ssp:2", 3);
  auto recorded = simulate(chosen);
  recorded.journals[1].entries.resize(recorded.journals[1].entries.size() / 2);
  CHECK_THAT(sim::find_difference(chosen, recorded), Contains("of shard-0 cannot be recomputed"));
}
