#include "runtime/job_keys.hpp"

namespace lagrange::runtime {
namespace {

using u32 = whole_key<std::uint32_t>;
using u64 = whole_key<std::uint64_t>;
using namespace std::chrono_literals;

template <auto Table>
std::vector<std::string_view> names(const catalog& rows) {
  std::vector<std::string_view> all;
  for (const auto& row : rows.*Table) all.push_back(row.name);
  return all;
}

// Limits. Every worker and every shard is a process, so a thousand of each is beyond what one host
// can bear; a batch and its frame must fit in memory many times over. TOML's numbers end at 2^63-1.
constexpr std::uint64_t seed_max = 0x7fff'ffff'ffff'ffff;
constexpr std::uint64_t batch_max = 65'536;
constexpr std::uint64_t epochs_max = 1'000'000;
constexpr std::uint64_t actors_max = 1'024;

constexpr bool is_rate(float x) { return x > 0 && x <= 100; }
constexpr bool is_fraction(float x) { return x >= 0 && x < 1; }
constexpr bool is_epsilon(float x) { return x > 0 && x <= 1; }
constexpr bool is_decay(float x) { return x >= 0 && x <= 1; }

const key_rule rules[] = {
    {"name", "names the run's folder", plain_name_key{[](job & j) -> auto& {return j.name;
} // namespace
} // namespace lagrange::runtime
}
, {"seed", "of the parameters and the order of the samples",
   u64{[](job & j) -> auto& {return j.seed;
}
, 0, seed_max
}
}
,

    {"data.format", "lagrange list data", row_name_key{[](job & j) -> auto& {return j.data.format;
}
, names<&catalog::data>, "data"
}
}
, {"data.path", "a relative path starts at the config's folder",
   path_key{[](job & j) -> auto& {return j.data.path;
}
, true
}
}
, {"data.batch", "samples of one step of one worker", u32{[](job & j) -> auto& {return j.data.batch;
}
, 1, batch_max
}
}
, {"data.epochs", "passes over the data", u32{[](job & j) -> auto& {return j.data.epochs;
}
, 1, epochs_max
}
}
,

    {"model.name", "lagrange list models", row_name_key{[](job & j) -> auto& {return j.model.name;
}
, names<&catalog::models>, "models"
}
}
,

    {"optimizer.name", "lagrange list optimizers",
     row_name_key{[](job & j) -> auto& {return j.optimizer.name;
}
, names<&catalog::optimizers>, "optimizers"
}
}
, {"optimizer.rate", "learning rate",
   real_key{[](job & j) -> auto& {return j.optimizer.options.rate;
}
, is_rate, "a number above 0, at most 100"
}
}
, {"optimizer.momentum", "of sgd",
   real_key{[](job & j) -> auto& {return j.optimizer.options.momentum;
}
, is_fraction, "a number from 0 up to, not including, 1"
}
}
, {"optimizer.beta1", "of adam: decay of the mean",
   real_key{[](job & j) -> auto& {return j.optimizer.options.beta1;
}
, is_fraction, "a number from 0 up to, not including, 1"
}
}
, {"optimizer.beta2", "of adam: decay of the square",
   real_key{[](job & j) -> auto& {return j.optimizer.options.beta2;
}
, is_fraction, "a number from 0 up to, not including, 1"
}
}
, {"optimizer.epsilon", "of adam: added to the root",
   real_key{[](job & j) -> auto& {return j.optimizer.options.epsilon;
}
, is_epsilon, "a number above 0, at most 1"
}
}
, {"optimizer.weight_decay", "times the parameter, added to the gradient",
   real_key{[](job & j) -> auto& {return j.optimizer.options.weight_decay;
}
, is_decay, "a number from 0 to 1"
}
}
,

    {"staleness.policy", "lagrange list policies",
     policy_key{[](job & j) -> auto& {return j.staleness.policy;
}
}
}
, {"staleness.weight", "of a late gradient",
   only_text_key{[](job & j) -> auto& {return j.staleness.weight;
}
, "none"
}
, "late gradients have full weight today"
}
, {"staleness.compensation", "for a late gradient",
   only_text_key{[](job & j) -> auto& {return j.staleness.compensation;
}
, "none"
}
, "late gradients are applied as they are today"
}
, {"staleness.local_steps", "batches of one push",
   u32{[](job & j) -> auto& {return j.staleness.local_steps;
}
, 1, 1
}
, "every step is pushed today"
}
,

    {"topology.workers", "compute gradients, each a process",
     u32{[](job & j) -> auto& {return j.topology.workers;
}
, 1, actors_max
}
}
, {"topology.shards", "own the parameters, each a process",
   u32{[](job & j) -> auto& {return j.topology.shards;
}
, 1, actors_max
}
}
, {"topology.replicas", "of each shard", u32{[](job & j) -> auto& {return j.topology.replicas;
}
, 0, 0
}
, "shards have no replicas today"
}
, {"topology.nodes", "where the processes run",
   only_list_key{[](job & j) -> auto& {return j.topology.nodes;
}
, "local"
}
, "a job runs on one host today"
}
, {"topology.devices", "what the workers compute on",
   only_list_key{[](job & j) -> auto& {return j.topology.devices;
}
, "cpu"
}
, "workers compute on the CPU today"
}
, {"topology.threads", "of one worker", u32{[](job & j) -> auto& {return j.topology.threads;
}
, 1, 1
}
, "a worker computes on one thread today: take more workers"
}
,

    {"codec.push", "lagrange list codecs", row_name_key{[](job & j) -> auto& {return j.codec.push;
}
, names<&catalog::codecs>, "codecs"
}
, "gradients travel as they are today"
}
, {"codec.pull", "lagrange list codecs", row_name_key{[](job & j) -> auto& {return j.codec.pull;
}
, names<&catalog::codecs>, "codecs"
}
, "parameters travel as they are today"
}
,

    {"precision.compute", "of the forward and backward passes",
     only_text_key{[](job & j) -> auto& {return j.precision.compute;
}
, "f32"
}
, "workers compute in f32 today"
}
,

    {"restart.intensity", "restarts of one actor in the period; more end the job",
     u32{[](job & j) -> auto& {return j.restart.intensity;
}
, 0, 1'000
}
}
, {"restart.period", "as in \"60s\"", duration_key{[](job & j) -> auto& {return j.restart.period;
}
, 1s, 24h
}
}
, {"restart.backoff", "before a restart",
   duration_key{[](job & j) -> auto& {return j.restart.backoff;
}
, 0ms, 1h
}
}
,

    {"evaluation.every", "on the test split; the end of the job has one always",
     epochs_key{[](job & j) -> auto& {return j.evaluation.every;
}
}
}
, {"evaluation.target", "time_to_target_seconds is measured to it, or \"none\"",
   target_key{[](job & j) -> auto& {return j.evaluation.target;
}
}
}
,

    {"output.dir", "run folders go here, from where the program starts",
     path_key{[](job & j) -> auto& {return j.output.dir;
}
, false
}
}
,
}
;

} // namespace

std::span<const key_rule> key_rules() { return rules; }

} // namespace lagrange::runtime
