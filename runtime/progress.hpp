/// \file
/// What a job has reached: the reports of its actors added up, for the live view while it runs and
/// for the summary at its end. Part of the supervisor's twin.
///
/// Reports count from the start of one incarnation and only grow, so the last one of each is
/// enough.
#pragma once

#include "ops/network.hpp"
#include "runtime/reports.hpp"
#include "runtime/staleness/policy.hpp"
#include "runtime/status.hpp"
#include "runtime/summary.hpp"
#include "runtime/worker_shares.hpp"

#include <map>
#include <optional>
#include <vector>

namespace lagrange::runtime {

struct progress_options {
  std::string job;
  std::string policy;
  std::string in_force; ///< when this term begins, if it was switched before; empty: `policy`
  std::uint32_t workers = 1;
  std::uint32_t shards = 1;
  std::uint32_t replicas = 0;
  std::uint64_t seed = 0;
  std::uint32_t epochs = 1;
  std::uint64_t leases = 0; ///< of the whole job
  std::string push_codec = "none";
  std::string pull_codec = "none";
  std::vector<std::string> tensors; ///< of the model, in its order
  std::optional<double> target;     ///< test accuracy
  std::string injected;             ///< times that are not the machine's own; empty: none
  bool is_emulated = false;         ///< all times are simulated
};

class progress {
public:
  progress(progress_options options, time_point started);

  void on_report(const worker_report& report, time_point now);
  void on_report(const shard_report& report);
  void on_report(const feeder_report& report, time_point now);
  void on_evaluation(const ops::scores& found, time_point now);
  /// The actor was lost at this moment; its next incarnation's first step ends the recovery.
  void on_loss(actor_name name, time_point now);

  /// A replica has taken the place of its shard, so long after that was lost.
  void on_promotion(std::chrono::nanoseconds took);

  /// A checkpoint more is kept.
  void on_cut() { ++cuts_; }
  /// Another policy is in force.
  void on_switch(std::string policy, worker_clock first, time_point now);

  /// Fills the numbers of a row whose name, life, state and restarts are set.
  void complete(actor_status& row) const;
  /// Everything but the rows.
  job_status status(time_point now) const;
  /// All that is known; outcome "done". Wall time and the hash are the caller's.
  summary summarise() const;

  /// By worker; one that has told nothing is left out.
  std::vector<worker_share> shares() const;

  std::uint32_t epochs_finished() const { return feeder_.epoch; }
  bool is_finished() const { return feeder_.finished; }
  const feeder_report& leases() const { return feeder_; }
  const std::vector<double>& recoveries_ms() const { return recoveries_ms_; }

private:
  struct worker_figures {
    worker_report last;
    time_point window; ///< when samples per second were last looked at
    std::uint64_t window_samples = 0;
    double samples_per_second = -1;
    double loss = -1;
    std::uint64_t earlier_steps = 0; ///< of incarnations that died, as all of these
    std::uint64_t earlier_samples = 0;
    std::chrono::nanoseconds earlier_compute{0};
    time_histogram earlier_times;
    std::chrono::nanoseconds earlier_waiting{0};
    std::uint64_t earlier_skipped = 0;
    std::uint64_t restarts = 0;
    std::optional<time_point> lost_at;
  };
  std::optional<double> mean_loss() const;
  std::vector<std::uint64_t> staleness() const;
  summary::byte_counts bytes() const;

  progress_options options_;
  time_point started_;
  std::optional<time_point> first_step_;
  std::optional<time_point> finished_;
  std::map<std::uint32_t, worker_figures> workers_;
  std::map<std::uint32_t, shard_report> shards_;
  feeder_report feeder_;
  std::optional<ops::scores> evaluated_;
  std::optional<time_point> target_reached_;
  std::vector<double> recoveries_ms_;
  std::vector<summary::policy_switch> switches_;
  std::uint64_t cuts_ = 0;
  std::uint64_t promotions_ = 0;
};

} // namespace lagrange::runtime
