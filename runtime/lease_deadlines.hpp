/// \file
/// Which leases take much longer than their workers' leases do. A part of the feeder's twin: where
/// nobody waits for the clock of who computes one, it is dealt to another worker as well, and the
/// first of the two pushes enters (SH-2). No time is fixed: a worker's habit decides, or that of
/// all while its own is not known.
///
/// Where others do wait for that clock, a second attempt would free nobody; there the worker itself
/// has to be found dead, by its silence or by a step that hangs (step_watch).
#pragma once

#include "runtime/ids.hpp"
#include "runtime/staleness/policy.hpp"
#include "runtime/time_histogram.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <vector>

namespace lagrange::runtime {

class lease_deadlines {
public:
  void on_deal(lease_id what, worker_id to, time_point now) { open_[what] = {to, now}; }
  void on_settled(lease_id what, time_point now);
  /// It is given back, or counts as overdue already.
  void forget(lease_id what) { open_.erase(what); }
  /// By id. Cost: O(open leases), and O(bins of a histogram) for each worker that has one.
  std::vector<lease_id> overdue(time_point now) const;

private:
  struct dealt {
    worker_id to;
    time_point at;
  };
  /// How long a lease of this worker may take; none: nothing is known.
  std::optional<std::chrono::duration<double>> patience(worker_id who) const;

  std::map<lease_id, dealt> open_;
  std::map<worker_id, time_histogram> times_;
  time_histogram all_;
};

} // namespace lagrange::runtime
