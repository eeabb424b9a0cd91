/// \file
/// What a storm did and what came of it: each strike, and how long it took until the job went on
/// with that actor back. It is told of strikes and of the job's status, and has no clock.
#pragma once

#include "apps/told_status.hpp"
#include "runtime/storm_plan.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::apps {

/// A strike that was made.
struct made_strike {
  runtime::strike what;
  std::string whom; ///< its name
  pid_t process = 0;
  std::uint32_t term = 0; ///< of the job when it was struck
  std::uint32_t life = 0; ///< of the actor then; a supervisor's is its term
  double share = 0;       ///< of the leases that were closed
  std::chrono::milliseconds at{0};
  std::optional<std::chrono::milliseconds> recovery; ///< none: not back
};

class storm_log {
public:
  using moment = std::chrono::milliseconds; ///< since the storm began

  /// `seen` is the status by which it was made.
  void on_strike(const runtime::strike& what, pid_t process, const told_status& seen, moment now);
  /// The processes that are back now, as in "worker-2 is back after 0.42 s".
  std::vector<std::string> on_status(const told_status& seen, moment now);
  /// The job is done, with whoever was still on the way back.
  void on_done(moment now);

  /// Whether somebody of this name was struck and is not back.
  bool is_open(std::string_view whom) const;
  const std::vector<made_strike>& strikes() const { return strikes_; }

  /// Milliseconds, of all that are back.
  std::vector<double> recoveries(runtime::actor_role role, runtime::blow what) const;
  /// By role and blow: how many, and how long until they were back. A line each.
  std::string table() const;
  /// The same as JSON: {"worker": {"kill": {"strikes": 3, "p50": 400, "p99": 900}, ...}, ...}.
  nlohmann::json figures() const;
  /// Each strike as JSON.
  nlohmann::json rows() const;

private:
  /// What was reached since the struck one was seen back: a worker's steps, else the job's leases.
  struct return_point {
    std::int64_t reached = 0;
    std::uint32_t term = 0;
    int grown = 0; ///< how often
  };
  struct pending {
    std::size_t strike;
    std::optional<return_point> back;
  };
  bool is_back(const made_strike& strike, const told_status& seen, moment now) const;

  std::vector<made_strike> strikes_;
  std::vector<pending> open_;
};

} // namespace lagrange::apps
