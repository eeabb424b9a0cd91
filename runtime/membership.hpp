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
  /// Its last life to end was ended by the supervisor, and not by what it computed: it fell silent,
  /// or was restarted along with another.
  bool was_fenced = false;
  bool is_leaving = false; ///< it lives, and is to get no lease any more
};

/// From the supervisor to the feeder and every shard. A view replaces every lower one of its term.
struct membership_view {
  stamp from; ///< from.view is its number
  std::vector<member> members;
};
/// Leases that the death of one life of a worker made free to be dealt again.
struct given_back {
  worker_id worker;
  incarnation life;
  std::vector<lease_id> leases;
};
struct view_ack {
  stamp from;
  std::vector<given_back> freed{}; ///< by the feeder: since it heard of the view before
};

template <class Inspector>
auto inspect(Inspector& f, stamp& x) {
  return f(x.job, x.term, x.view, x.name, x.life);
}
template <class Inspector>
auto inspect(Inspector& f, member& x) {
  return f(x.worker, x.life, x.live, x.was_fenced, x.is_leaving);
}
template <class Inspector>
auto inspect(Inspector& f, given_back& x) {
  return f(x.worker, x.life, x.leases);
}
template <class Inspector>
auto inspect(Inspector& f, membership_view& x) {
  return f(x.from, x.members);
}
template <class Inspector>
auto inspect(Inspector& f, view_ack& x) {
  return f(x.from, x.freed);
}

} // namespace lagrange::runtime
