/// \file
/// How workers come to a running job and go from it: what a node that joins by itself says to the
/// supervisor, and what is answered.
#pragma once

#include "runtime/ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace lagrange::runtime {

/// A process that nobody of the job started asks for a worker's place.
struct join_request {
  std::int64_t pid = 0; ///< as its own host numbers it
  std::string build;    ///< build_id() of its program
};
struct join_answer {
  actor_life who;      ///< what its node is to host, and to say hello as
  std::string refusal; ///< why it may not, with what was expected; empty: it may
};

/// A node that joined asks so a few times a second: nobody else may see that it is cut off.
struct membership_question {
  actor_life who;
};
struct membership_answer {
  bool is_member = true;
  bool is_over = false; ///< the job ends in order, or the worker was drained
  std::string why_not;  ///< completes a sentence, as in "was drained"
};

/// A worker is to go in order: its steps under way are pushed, and it gets no lease any more.
struct drain_request {
  actor_name who;
};
struct drain_receipt {
  actor_life who;      ///< whose leaving has begun
  std::string refusal; ///< why it cannot, with what was expected; empty: it has begun
};

template <class Inspector>
auto inspect(Inspector& f, join_request& x) {
  return f(x.pid, x.build);
}
template <class Inspector>
auto inspect(Inspector& f, join_answer& x) {
  return f(x.who, x.refusal);
}
template <class Inspector>
auto inspect(Inspector& f, membership_question& x) {
  return f(x.who);
}
template <class Inspector>
auto inspect(Inspector& f, membership_answer& x) {
  return f(x.is_member, x.is_over, x.why_not);
}
template <class Inspector>
auto inspect(Inspector& f, drain_request& x) {
  return f(x.who);
}
template <class Inspector>
auto inspect(Inspector& f, drain_receipt& x) {
  return f(x.who, x.refusal);
}

} // namespace lagrange::runtime
