/// \file
/// What a job that is over has left where it must leave nothing: processes, sockets, shared memory,
/// half-written files.
///
/// Invariant: EN-1.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace lagrange::apps {

/// The node processes that live, of jobs whose supervisor has or had one of these numbers.
std::vector<pid_t> nodes_of(std::span<const pid_t> supervisors);
/// The arguments of a process; none of one that is gone.
std::vector<std::string> arguments_of(pid_t process);
/// Whether this process is a node of that supervisor. Errors: false, also for a process that is
/// gone.
bool is_node_of(pid_t process, pid_t supervisor);

/// A line for each thing that is left of the run in this folder, whose supervisors these were;
/// empty: nothing is. Waits so long for processes that are still on their way out.
std::vector<std::string> left_behind(const std::filesystem::path& run,
                                     std::span<const pid_t> supervisors,
                                     std::chrono::milliseconds patience);

/// Removes its sockets and unfinished files: the last words of a supervisor that ends at once, and
/// of nodes that nobody has followed. Whether there was a socket.
bool sweep(const std::filesystem::path& run);

} // namespace lagrange::apps
