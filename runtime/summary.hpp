/// \file
/// The end of a job in numbers: `--summary FILE`, summary.json in the run's folder, and the lines
/// that a person reads last. Every number is measured in that run; one that is not known is null.
/// Names and order are a contract with scripts.
#pragma once

#include "runtime/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

struct summary {
  std::string job;
  std::string outcome = "done"; ///< "done", "failed" or "interrupted"
  std::string policy;
  std::uint64_t workers = 0;
  std::uint64_t shards = 0;
  std::uint64_t replicas = 0;
  std::uint64_t seed = 0;
  std::uint64_t epochs = 0; ///< finished

  double wall_seconds = 0;  ///< from the start of the program
  double train_seconds = 0; ///< from the first lease to the last update
  std::optional<double> samples_per_second;
  std::optional<double> test_accuracy;
  std::optional<double> test_loss;
  std::optional<double> train_loss; ///< mean over the last steps of the workers
  std::optional<double> time_to_target_seconds;
  std::uint64_t updates = 0; ///< versions of shard-0
  /// Of the workers: the loss or a gradient was not finite.
  std::uint64_t skipped_steps = 0;

  /// LE-1, SH-2: what became of the leases.
  struct lease_counts {
    std::uint64_t issued = 0, applied = 0, dropped = 0, dealt_again = 0, lost = 0, duplicated = 0;
    std::uint64_t set_aside = 0; ///< of those dropped: workers kept dying with them
    bool operator==(const lease_counts&) const = default;
  } leases;
  struct staleness_percentiles {
    std::optional<double> p50, p99, max;
    bool operator==(const staleness_percentiles&) const = default;
  } staleness;
  std::uint64_t lag_max = 0;
  std::optional<double> wait_share; ///< of the workers' time
  /// What went over the tensor plane, as the shards saw it.
  struct byte_counts {
    struct tensor {
      std::string name;
      std::uint64_t pushed = 0, pulled = 0; ///< without framing
      bool operator==(const tensor&) const = default;
    };
    std::uint64_t pushed = 0, pulled = 0; ///< gradients and parameters, framing included
    std::uint64_t framing = 0;            ///< of those two
    std::uint64_t other = 0; ///< requests, acknowledgements, credits, heartbeats, evaluations
    std::string push_codec, pull_codec;
    std::vector<tensor> tensors; ///< in the model's order
    bool operator==(const byte_counts&) const = default;
  } bytes;
  struct restart_counts {
    std::uint64_t worker = 0, shard = 0, feeder = 0;
    bool operator==(const restart_counts&) const = default;
  } restarts;
  struct recovery_percentiles {
    std::optional<double> p50, p99; ///< from a death to the first step of the next incarnation
    bool operator==(const recovery_percentiles&) const = default;
  } recovery_ms;
  /// A switch of the policy, which is the first one in `policy`.
  struct policy_switch {
    std::string to;
    std::uint64_t clock = 0;   ///< of every worker, from which on it was in force
    std::uint64_t samples = 0; ///< applied by then
    double seconds = 0;        ///< since the job began
    bool operator==(const policy_switch&) const = default;
  };
  std::vector<policy_switch> switches;
  std::uint64_t checkpoints = 0;     ///< that are whole
  std::string parameters_sha256;     ///< hexadecimal; empty if the job did not get so far
  bool emulated = false;             ///< whether any time was injected or simulated
  std::vector<std::string> advice;   ///< that was given while it ran, in order
  std::vector<std::string> joined;   ///< workers that came while it ran, in order
  std::vector<std::string> left;     ///< workers that were drained, or had joined and are gone
  std::vector<std::string> given_up; ///< actors that died too often, and without which it went on
  std::string injected;              ///< for people: which times; not part of the JSON

  bool operator==(const summary&) const = default;
};

/// One JSON object on one line. A number that is not finite is null.
std::string to_json(const summary& x);

/// Errors: bad_file, naming `origin` and the field that is missing or of the wrong type.
result<summary> parse_summary(std::string_view json, const std::string& origin);

/// As in "12.3 MB".
std::string bytes_text(std::uint64_t count);

/// `leases: N issued, N applied, N lost, N duplicated`, and what was dropped or dealt again if any.
std::string audit_line(const summary& x);

/// The end of a job as lines for a person. `folder` is the run's.
std::string to_text(const summary& x, const std::string& folder);

} // namespace lagrange::runtime
