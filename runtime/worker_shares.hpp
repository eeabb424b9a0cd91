/// \file
/// What each worker of a job did with its time: workers.json in the run's folder.
#pragma once

#include "runtime/ids.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

namespace lagrange::runtime {

/// One worker, over all of its incarnations.
struct worker_share {
  worker_id worker;
  std::uint64_t steps = 0;
  std::uint64_t samples = 0;
  std::uint64_t restarts = 0;
  std::chrono::nanoseconds compute{0};
  std::chrono::nanoseconds waiting{0}; ///< for a lease or for parameters
  bool operator==(const worker_share&) const = default;
};

/// A JSON array, one object a line.
std::string to_json(std::span<const worker_share> workers);

} // namespace lagrange::runtime
