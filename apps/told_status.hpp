/// \file
/// What a running job answers to the order `status`: one line of JSON, that of --json with the
/// supervisor's own figures. Written by the job; read by `ps`, `chaos` and whoever likes.
#pragma once

#include "runtime/error.hpp"
#include "runtime/status.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::apps {

/// The answer of the job whose supervisor this process is. `door` is where nodes may join, as
/// HOST:PORT; empty: they cannot.
std::string tell_status(const runtime::job_status& status, runtime::supervisor_term term,
                        const std::string& door = {});

/// One actor of a job that runs.
struct told_actor {
  std::string name; ///< as in "worker-2"
  std::uint32_t life = 0;
  pid_t pid = 0;
  std::string state;       ///< as in runtime::actor_status
  std::int64_t clock = -1; ///< workers: finished steps; shards: version; -1: not known
  bool operator==(const told_actor&) const = default;
};

/// A job that runs, as it told of itself.
struct told_status {
  std::string job;
  std::string policy;
  std::uint32_t term = 0;
  pid_t supervisor = 0;
  double elapsed_seconds = 0;
  std::uint64_t leases = 0; ///< of the whole job
  std::uint64_t leases_closed = 0;
  std::vector<told_actor> actors;
  std::string door; ///< where nodes may join, as HOST:PORT; empty: they cannot

  /// Of the leases that are closed. 0 where it is not known of how many.
  double share() const;
  /// Null if there is no such actor.
  const told_actor* find(std::string_view name) const;
};

/// Errors: bad_frame: it is no such answer.
runtime::result<told_status> read_status(std::string_view answer);

/// Asks the job of this run. Errors: those of give_order(), and bad_frame.
runtime::result<told_status> ask_status(const std::filesystem::path& run,
                                        std::chrono::milliseconds patience);

/// The runs of a folder whose jobs may be running: those that have a control socket.
std::vector<std::filesystem::path> open_runs(const std::filesystem::path& dir);

} // namespace lagrange::apps
