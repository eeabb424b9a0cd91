/// \file
/// PyTorch on the same work, as a process of its own: the scripts of the peers' folder, with the
/// settings that its README calls fair.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lagrange::bench {

/// What a process did, and the most memory that it held.
struct process_rate {
  double samples_per_second = 0;
  double resident_bytes = 0;
};

/// One run of torch_step.py of about `seconds`. Requires: one thread's worth of a quiet core.
/// Errors: throws device_error, saying what is missing and how it is installed.
process_rate run_torch(const std::string& folder, const std::vector<std::string>& arguments,
                       double seconds);

/// Starts a program and waits for its end; what it printed is added to `printed`.
/// Returns: the most memory that it held, in bytes. Errors: throws device_error.
double run_process(const std::vector<std::string>& command, std::string& printed);

} // namespace lagrange::bench
