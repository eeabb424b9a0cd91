/// \file
/// The job of a run that is to go on: the config in its folder, with the changes that somebody asks
/// for. What the kept state was made with cannot change.
#pragma once

#include "runtime/job.hpp"

#include <filesystem>
#include <span>
#include <string>

namespace lagrange {

struct resumed_job {
  runtime::job what;
  std::string policy; ///< another one than before; empty: the same
};

/// Errors: bad_argument, a line for every problem: the folder is none of a run, the run has nothing
/// left to do, a key cannot change, and why.
runtime::result<resumed_job> read_resumed_job(const std::filesystem::path& run,
                                              std::span<const std::string> overrides,
                                              const runtime::catalog& rows);

} // namespace lagrange
