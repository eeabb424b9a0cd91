/// \file
/// The verb `simulate`: a job in one process and in virtual time. It makes a run's folder as `run`
/// does, and the same seed makes the same bits in it.
#pragma once

#include "apps/prediction.hpp"
#include "apps/run.hpp"

#include <chrono>
#include <optional>

namespace lagrange {

struct simulate_order {
  run_options job; ///< `where` and `security` do not count
  /// The run whose step times are taken, and beside which the figures are shown; none: the job's.
  std::optional<apps::measured_run> from;
  /// What a batch takes more than it took there.
  std::chrono::microseconds step_cost{0};
};

/// Simulates a job to its end. Returns the exit status, as run_job.
int simulate_job(const simulate_order& order);

} // namespace lagrange
