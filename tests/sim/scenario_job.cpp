#include "scenario_job.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::sim {

using namespace runtime;

namespace {

/// Leases of an epoch: the last one, and under rounds the last round, are short.
constexpr std::uint32_t samples = 65;
constexpr std::uint32_t batch_size = 5;

std::string job_text(const scenario& chosen) {
  return fmt::format(R"(
name = "simulated"
seed = {}
data = {{format = "synthetic", path = "blobs:{}:2:2", batch = {}, epochs = {}}}
model = {}
optimizer = {{name = "sgd", rate = 1.0, momentum = 0.0, weight_decay = 0.0}}
staleness = {{policy = "{}", switch = [{}]}}
topology = {{workers = {}, max_workers = {}, shards = {}, replicas = {}}}
restart = {{intensity = 50}}
evaluation = {{every = "1 epoch"}}
checkpoint = {{every = "0s"}}
)",
                     chosen.seed, samples, batch_size, chosen.epochs, chosen.model, chosen.policy,
                     fmt::join(chosen.switches, ", "), chosen.workers, chosen.workers + chosen.room,
                     chosen.shards, chosen.replicas);
}

} // namespace

job job_of(const scenario& chosen, const catalog& known) {
  return parse_job(job_text(chosen), "the scenario", chosen.set, known).value();
}

std::vector<float> flat(const std::vector<ops::tensor>& values) {
  std::vector<float> made;
  for (const auto& each : values)
    made.insert(made.end(), each.values<float>().begin(), each.values<float>().end());
  return made;
}

} // namespace lagrange::sim
