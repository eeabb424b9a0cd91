/// \file
/// A run that is over, as `lagrange compare` sees it: its config, its summary, and what became of
/// its figures in time. Journals and data are not needed.
#pragma once

#include "runtime/catalog.hpp"
#include "runtime/job.hpp"
#include "runtime/summary.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::apps {

/// One line of metrics.jsonl. What an older version did not write is not known.
struct run_moment {
  double seconds = 0; ///< since the job began
  std::optional<double> samples, test_accuracy, test_loss, staleness, samples_per_second;
};

struct compared_run {
  std::filesystem::path folder;
  runtime::job job;
  runtime::summary end;
  std::string injected; ///< which times; empty: none, or not known
  std::vector<run_moment> moments;
  std::size_t group = 0; ///< runs of one number share everything but their seeds
};

/// Reads runs' folders, in this order.
/// Errors: bad_argument, a line for each that cannot be read: no run, one that has no end, a
/// damaged file, another version's.
runtime::result<std::vector<compared_run>> read_compared(const std::vector<std::string>& folders,
                                                         const runtime::catalog& rows);

/// A key that has not the same value in all runs, as in {"staleness.policy", "1: asp; 2: bsp"}.
struct key_difference {
  std::string key, values;
};
/// But seeds, and where files are.
std::vector<key_difference> key_differences(const std::vector<compared_run>& runs);

} // namespace lagrange::apps
