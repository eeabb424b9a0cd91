/// \file
/// How many open files a job's processes need, and whether the machine grants them: told before
/// anything starts, and not by whichever call happens to fail first.
#pragma once

#include "runtime/error.hpp"
#include "runtime/job.hpp"

#include <cstdint>

namespace lagrange::apps {

/// Open files of one process of this job at most, the supervisor's: it has the most.
std::uint64_t descriptors_of(const runtime::job& x);

/// Raises this process's limit to so many, if it is lower; children inherit it.
/// Errors: bad_argument, naming both numbers and what to do.
runtime::result<void> allow_descriptors(std::uint64_t count);

} // namespace lagrange::apps
