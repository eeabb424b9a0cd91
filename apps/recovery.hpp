/// \file
/// Where the next term of a run begins: at the newest cut that is whole, or at the beginning of the
/// job when there is none.
#pragma once

#include "runtime/term_start.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::apps {

struct recovery {
  runtime::term_start start;   ///< but for the lives
  runtime::cut_number ordered; ///< the last cut of any term, whole or not
  std::optional<runtime::job_id> job; ///< that the cut is of
  std::string place;         ///< as in "cut 12 (epoch 2.4, 31 s ago)" or "the beginning"
};

/// Errors: bad_file, when there are cuts and they cannot be read.
runtime::result<recovery> find_recovery(const std::filesystem::path& run);

/// The job that the journals of the run are of; none: it has none yet.
std::optional<runtime::job_id> find_job_id(const std::filesystem::path& run, std::uint32_t shards);

/// The lives that a term begins with when these were there before.
std::vector<runtime::incarnation> next_lives(std::vector<runtime::incarnation> before);

} // namespace lagrange::apps
