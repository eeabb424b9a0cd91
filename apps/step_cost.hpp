/// \file
/// What a worker's batch costs more in one job than in another: another codec, model or batch makes
/// steps longer or shorter than those that a run measured.
///
/// A difference, not a ratio: a worker that waited between its steps computed with cold caches,
/// which makes its steps longer and what is added to them hardly.
#pragma once

#include "runtime/catalog.hpp"
#include "runtime/error.hpp"
#include "runtime/job.hpp"

#include <chrono>

namespace lagrange::apps {

/// Whether workers of both do the same with a batch, whatever their number and policy.
bool computes_alike(const runtime::job& x, const runtime::job& y);

/// Measured on this machine: batches of both, in turns, with the real model and data. To a
/// microsecond.
/// Requires: jobs that check_job has let pass.
/// Errors: those of opening the data.
runtime::result<std::chrono::microseconds> measure_step_cost(const runtime::job& of,
                                                             const runtime::job& against,
                                                             const runtime::catalog& rows);

} // namespace lagrange::apps
