/// \file
/// Messages that bring a job's actors up and take them down: between the supervisor, the nodes and
/// whoever watches the job. The messages of the training itself are in messages.hpp.
#pragma once

#include "runtime/collection.hpp"
#include "runtime/status.hpp"
#include "runtime/supervisor.hpp"
#include "runtime/transport/endpoint.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// Where a node's actor takes control messages. Port 0: only inside its own process.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;
};

/// A node has started and waits for its placement.
struct node_hello {
  actor_life who; ///< what it is to host
  std::int64_t pid = 0;
  bool is_return = false; ///< from a node that another supervisor has started
  actor_life is{};        ///< of one that returns: what its actor is by now; no life: not yet up
};

/// The actor is up on its node.
struct actor_ready {
  actor_life who;
  endpoint at;
  transport::address plane; ///< where it takes frames; empty for a worker, which only calls
};

/// The actor is gone; `cause` completes a sentence, as in "was killed (signal 9)".
struct actor_loss {
  actor_life who;
  std::string cause;
  actor_life by{}; ///< who lost its link to the actor; life 0: nobody, its end itself was seen
};

/// What whoever shows the job to people asks for, a few times a second.
struct watch_request {};
struct watch_reply {
  job_status status;
  std::vector<std::string> events; ///< since the last watch_request
  bool is_over = false;            ///< a result_request will be answered
};

/// How a job ended, with everything that outlives it. Stays inside the supervisor's process.
struct job_result {
  job_outcome outcome = job_outcome::done;
  std::string cause;             ///< why it failed
  std::optional<term_fall> fall; ///< who took the term with it, if somebody did
  summary figures;
  std::vector<double> recoveries_ms; ///< those that the figures are percentiles of
  std::vector<worker_share> workers;
  gathered_parameters parameters; ///< with whole tables; empty unless done
  std::set<worker_id> vacant{}; ///< of the job's workers: those that nobody here is to start again
};

template <class Inspector>
auto inspect(Inspector& f, endpoint& x) {
  return f(x.host, x.port);
}
template <class Inspector>
auto inspect(Inspector& f, node_hello& x) {
  return f(x.who, x.pid, x.is_return, x.is);
}
template <class Inspector>
auto inspect(Inspector& f, actor_ready& x) {
  return f(x.who, x.at, x.plane);
}
template <class Inspector>
auto inspect(Inspector& f, actor_loss& x) {
  return f(x.who, x.cause, x.by);
}
template <class Inspector>
auto inspect(Inspector& f, watch_request&) {
  return f();
}
template <class Inspector>
auto inspect(Inspector& f, watch_reply& x) {
  return f(x.status, x.events, x.is_over);
}

} // namespace lagrange::runtime
