/// \file
/// The verb `simulate`: a job in one process and in virtual time. It makes a run's folder as `run`
/// does, and the same seed makes the same bits in it.
#pragma once

#include "apps/run.hpp"

namespace lagrange {

/// Simulates a job to its end. `where` and `security` of the options do not count. Returns the exit
/// status, as run_job.
int simulate_job(const run_options& options);

} // namespace lagrange
