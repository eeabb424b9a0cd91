/// \file
/// Whose computation hangs while its actor still reports: a step under way that takes much longer
/// than this worker's steps do. Part of the supervisor's twin. Heartbeats find who is silent; a
/// worker of which only the thread that computes is stuck is not.
///
/// A step hangs if one as long has a probability of 10^-phi_max by the worker's own habit
/// (time_law), so workers that are slow or unsteady are left in peace.
///
/// Invariants: CL-2, EN-1 (a hang is found), and no time counts in which the worker or the listener
/// was away: a step is as old as the reports that told of it say, gap by gap.
#pragma once

#include "runtime/reports.hpp"
#include "runtime/staleness/policy.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace lagrange::runtime {

struct step_watch_options {
  std::chrono::milliseconds floor{10'000}; ///< no shorter step hangs
  double phi_max = 12;
};

class step_watch {
public:
  explicit step_watch(step_watch_options options) : options_(options) {}

  void observe(const worker_report& report, time_point now);
  /// What is under way there does not count any more; how long its steps take stays known.
  void forget(worker_id who);

  /// Cost: O(workers), with no allocation where nothing takes longer than the floor.
  std::vector<actor_life> hung() const;
  /// The longest step that does not hang. Of a worker of which little is known: ten floors.
  std::chrono::duration<double> patience(worker_id who) const;
  /// As in "hung: lease 881 has taken 12.3 s, its steps take 0.02 s". Requires: it is hung.
  std::string describe(worker_id who) const;

private:
  using seconds = std::chrono::duration<double>;
  struct habit {
    incarnation life;
    time_histogram earlier; ///< of lives before
    time_histogram times;   ///< of this one
    std::uint64_t steps = 0;
    lease_id what;        ///< under way
    seconds under_way{0}; ///< as heard; 0: nothing is
    time_point heard;
    time_histogram all() const;
  };
  seconds patience_of(const habit& of) const;

  step_watch_options options_;
  std::map<worker_id, habit> known_;
};

} // namespace lagrange::runtime
