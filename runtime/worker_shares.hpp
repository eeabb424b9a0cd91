/// \file
/// What each worker of a job did with its time: workers.json in the run's folder.
#pragma once

#include "runtime/error.hpp"
#include "runtime/ids.hpp"
#include "runtime/time_histogram.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

/// One worker, over all of its incarnations.
struct worker_share {
  worker_id worker;
  std::uint64_t steps = 0;
  std::uint64_t samples = 0;
  std::uint64_t restarts = 0;
  std::chrono::nanoseconds compute{0};
  time_histogram step_times;           ///< those that `compute` is the sum of
  std::chrono::nanoseconds waiting{0}; ///< for a lease or for parameters
  bool operator==(const worker_share&) const = default;
};

/// Of the worker's steps. Units: seconds.
double step_mean(const worker_share& x);
double step_deviation(const worker_share& x);

/// A JSON array, one object a line.
std::string to_json(std::span<const worker_share> workers);

/// Errors: bad_file, naming `origin` and the field that is missing or of the wrong type.
result<std::vector<worker_share>> parse_worker_shares(std::string_view json,
                                                      const std::string& origin);

} // namespace lagrange::runtime
