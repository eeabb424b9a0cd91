/// \file
/// How the nodes that a dead supervisor has left come under another one. Part of the supervisor's
/// twin: whom it waits for, and how its views are numbered.
///
/// Two things are counted. A term is a life of the job's state: everybody in it goes on from one
/// cut, and frames and journals carry its number. A command is a life of the supervisor: the run's
/// folder says who has the highest, and nobody obeys a lower one. A supervisor that adopts takes
/// the next command in the same term, so that nothing of what is trained notices.
///
/// Invariants: EN-1 (nobody waits without a limit), CO-1 (what a worker had not sent is not
/// forgotten: where it went down with both processes that held it, everybody goes back to a cut).
#pragma once

#include "runtime/ids.hpp"
#include "runtime/staleness/policy.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace lagrange::runtime {

/// Counts the supervisors of one run, from 1.
using command_number = strong<struct command_tag, std::uint32_t>;

/// The view that a supervisor begins with. Those of a command are above all of the commands before,
/// whichever of them any node has seen.
constexpr view_number first_view(command_number command) {
  constexpr int command_shift = 32;
  return {(std::uint64_t{command.value} - 1) << command_shift | 1};
}

struct adoption_options {
  command_number command{1};
  bool is_wanted = false;                ///< else all nodes are started
  std::vector<actor_life> processes;     ///< those that live, by the names they were started with
  std::chrono::milliseconds patience{0}; ///< for them to return
  bool leaves_unsent = false;            ///< workers have something that a restart must know
};

/// A node that has returned.
struct returned_node {
  actor_life process; ///< as it was started
  actor_life is;      ///< what its actor is by now; no life: it is not up
  std::int64_t pid = 0;
};

class adoption {
public:
  explicit adoption(adoption_options options)
      : options_(std::move(options)),
        awaited_(options_.processes.begin(), options_.processes.end()) {}

  void begin(time_point now) {
    began_ = now;
    by_ = now + options_.patience;
  }
  /// It is back with its actor, or will not come.
  void settle(actor_life process) { awaited_.erase(process); }
  bool is_whole(time_point now) const { return awaited_.empty() || now >= by_; }
  /// Whether anybody but it could have what it had not sent.
  bool has_lost_unsent(actor_life process) const {
    return options_.leaves_unsent &&
           std::ranges::find(options_.processes, process) == options_.processes.end();
  }
  std::chrono::duration<double> took(time_point now) const { return now - began_; }
  bool is_wanted() const { return options_.is_wanted; }

  /// The feeder's first report says which cuts the supervisor before had ordered.
  void hear_feeder() { has_heard_ = true; }
  bool may_cut() const { return has_heard_ || !options_.is_wanted; }

private:
  adoption_options options_;
  std::set<actor_life> awaited_;
  time_point began_, by_;
  bool has_heard_ = false;
};

} // namespace lagrange::runtime
