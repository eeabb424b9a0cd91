/// \file
/// What to try when a job does not learn, or waits: settings that the job does not have yet, as its
/// user would write them on the command line. Apart from diagnosis, which finds what is wrong.
#pragma once

#include "runtime/job.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// What a job was told about how it is to learn.
struct learning_settings {
  std::uint32_t workers = 1;
  std::uint64_t leases = 0; ///< of the whole job
  std::string policy;
  std::optional<std::uint64_t> bound;                   ///< of the policy; none: it has none
  bool has_rounds = false;                              ///< of the policy
  std::function<double(std::uint64_t staleness)> weigh; ///< a late gradient; null: it counts fully
  std::string compensation = "none";
  std::uint32_t local_steps = 1;
  bool is_local = false;   ///< workers push deltas
  bool has_tables = false; ///< which take neither deltas nor compensation
  std::string precision = "f32";
  double rate = 0;
  double clip_norm = 0; ///< 0: none
  std::uint64_t warmup_samples = 0;
  std::int64_t classes = 0; ///< that the loss is of; 0: it is of something else
};

/// Of the gradients that were applied, in versions.
struct staleness_figures {
  double p50 = 0, p99 = 0;
};

/// The rate at which steps act that are `staleness` versions old: so many more of them are on their
/// way in the same direction before the first is seen, each weighted by the job's weight.
/// Paper: Mitliagkas et al.: Asynchrony begets Momentum (2016); Zhang et al.: Staleness-aware
/// Async-SGD (2016) divide the rate by the same factor.
double effective_rate(const learning_settings& job, double staleness);

/// Old gradients: a tighter policy, less weight for what is late, a correction, a smaller rate.
std::vector<std::string> against_staleness(const learning_settings& job, staleness_figures found);
/// Steps that are too large: `factor` times the rate, clipping, warm-up.
std::vector<std::string> against_large_steps(const learning_settings& job, double factor);
/// Steps that hardly move the parameters.
std::vector<std::string> against_small_steps(const learning_settings& job);
/// Numbers that are not finite.
std::vector<std::string> against_overflow(const learning_settings& job);
/// One worker that all wait for, where a step of the others takes so long.
std::vector<std::string> against_waiting(const learning_settings& job, double step_seconds);

/// "Try A, B or C."; empty of nothing.
std::string to_try(const std::vector<std::string>& remedies);

} // namespace lagrange::runtime
