/// \file
/// Who speaks, and who is there: the stamp that every message carries, and the workers of a job as
/// its supervisor knows them.
#pragma once

#include "runtime/ids.hpp"

#include <vector>

namespace lagrange::runtime {

/// Who speaks, and as what: every message carries it. Receivers refuse other jobs, lower terms and
/// fenced incarnations.
struct stamp {
  job_id job;
  supervisor_term term;
  view_number view;
  actor_name name;
  incarnation life;
  bool operator==(const stamp&) const = default;
};

struct member {
  worker_id worker;
  incarnation life;
  bool live = false;
};

/// From the supervisor to the feeder and every shard. A view replaces every lower one of its term.
struct membership_view {
  stamp from; ///< from.view is its number
  std::vector<member> members;
};
struct view_ack {
  stamp from;
};

template <class Inspector>
auto inspect(Inspector& f, stamp& x) {
  return f(x.job, x.term, x.view, x.name, x.life);
}
template <class Inspector>
auto inspect(Inspector& f, member& x) {
  return f(x.worker, x.life, x.live);
}
template <class Inspector>
auto inspect(Inspector& f, membership_view& x) {
  return f(x.from, x.members);
}
template <class Inspector>
auto inspect(Inspector& f, view_ack& x) {
  return f(x.from);
}

} // namespace lagrange::runtime
