/// \file
/// What a running job looks like from outside: the supervisor's twin fills it, the live view draws
/// it, `--json` prints it.
#pragma once

#include "runtime/ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// One row of the live table. Numbers that a role does not have are negative.
struct actor_status {
  actor_name name;
  incarnation life;
  std::int64_t pid = 0;
  std::string state;              ///< "starting", "running", "idle", "restarting", "lost", "done"
  std::int64_t clock = -1;        ///< workers: finished steps; shards: version
  std::int64_t lag = -1;          ///< workers: at their last admitted pull
  std::int64_t staleness = -1;    ///< workers: of the last push; shards: median
  double samples_per_second = -1; ///< workers: over the last seconds
  std::uint32_t restarts = 0;
  double loss = -1; ///< workers: mean training loss of the last report
};

struct job_status {
  std::string job;
  std::string policy;
  std::chrono::milliseconds elapsed{0};
  std::uint32_t epoch = 0; ///< finished epochs
  std::uint32_t epochs = 0;
  std::uint64_t leases = 0; ///< of the whole job; their batches where they have several
  std::uint64_t leases_closed = 0;
  double samples_per_second = 0;
  double loss = -1;          ///< mean over the workers' last reports; negative: none yet
  double test_accuracy = -1; ///< of the last evaluation; negative: none yet
  std::vector<actor_status> actors;
  std::uint64_t samples = 0;  ///< applied
  double test_loss = -1;      ///< of the last evaluation; negative: none yet
  std::string injected = {};  ///< times that are not the machine's own, as in "worker-2 5x"
  std::uint64_t switches = 0; ///< of the policy, in force
  std::chrono::milliseconds first_step{-1}; ///< when a worker told of one; negative: none has
};

template <class Inspector>
auto inspect(Inspector& f, actor_status& x) {
  return f(x.name, x.life, x.pid, x.state, x.clock, x.lag, x.staleness, x.samples_per_second,
           x.restarts, x.loss);
}
template <class Inspector>
auto inspect(Inspector& f, job_status& x) {
  return f(x.job, x.policy, x.elapsed, x.epoch, x.epochs, x.leases, x.leases_closed,
           x.samples_per_second, x.loss, x.test_accuracy, x.actors, x.samples, x.test_loss,
           x.injected, x.switches, x.first_step);
}

} // namespace lagrange::runtime
