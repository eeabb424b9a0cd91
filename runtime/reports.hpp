/// \file
/// What workers, shards and the feeder tell the supervisor about themselves, a few times a second.
/// All counts are of this incarnation and only grow, so that a lost report loses nothing.
#pragma once

#include "runtime/lease_deaths.hpp"
#include "runtime/messages.hpp"
#include "runtime/time_histogram.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace lagrange::runtime {

struct worker_report {
  stamp from;
  worker_clock clock;
  std::uint64_t steps = 0;               ///< since this incarnation started
  std::uint64_t samples = 0;             ///< since this incarnation started
  std::uint64_t skipped = 0;             ///< of the steps: loss or gradient was not finite
  double loss = 0;                       ///< mean training loss since the last report
  double loss_steps = 0;                 ///< steps in that mean
  std::chrono::nanoseconds compute{0};   ///< since this incarnation started
  time_histogram step_times;             ///< those that `compute` is the sum of
  std::chrono::nanoseconds waiting{0};   ///< with neither a lease nor parameters to go on with
  std::chrono::nanoseconds under_way{0}; ///< that the step under way has taken; 0: none is
  lease_id computing;                    ///< of that step
  double unsent =
      -1; ///< Euclidean norm of what its codec has not sent; negative: it leaves nothing
};

struct shard_report {
  stamp from;
  shard_version version;
  std::uint64_t applied = 0;       ///< leases whose gradients went into the parameters
  std::uint64_t entered = 0;       ///< distinct leases in the applied set with outcome applied
  std::uint64_t dropped = 0;       ///< distinct leases settled without being applied
  std::uint64_t duplicates = 0;    ///< pushes refused because their lease had been taken
  std::uint64_t lag_max = 0;       ///< largest lag at an admission
  std::uint64_t parked = 0;        ///< pulls waiting now
  std::uint64_t pushed_bytes = 0;  ///< frames of pushes, framing included
  std::uint64_t pulled_bytes = 0;  ///< frames of parameters, framing included
  std::uint64_t framing_bytes = 0; ///< of those two
  std::uint64_t other_bytes = 0;   ///< all else on the shard's links
  std::vector<std::uint64_t> tensor_pushed; ///< by tensor of the model, without framing
  std::vector<std::uint64_t> tensor_pulled;
  std::vector<std::uint64_t> staleness;        ///< count by staleness; the last bin holds all above
  std::vector<std::uint64_t> staleness_recent; ///< of each worker's last push, by worker
  std::vector<std::uint64_t> lag_recent;       ///< of each worker's last admitted pull, by worker
};

struct feeder_report {
  stamp from;
  std::uint64_t issued = 0;    ///< distinct leases dealt
  std::uint64_t applied = 0;   ///< leases entered into every shard
  std::uint64_t dropped = 0;   ///< leases settled on every shard without being applied
  std::uint64_t set_aside = 0; ///< of those, because workers died with them
  std::uint64_t dealt_again = 0;
  std::uint64_t closed = 0;  ///< ids of leases that are applied or dropped, out of leases_of()
  std::uint64_t samples = 0; ///< of applied leases
  std::uint32_t epoch = 0;   ///< epochs whose leases are all closed
  std::uint32_t epochs = 0;
  bool finished = false;
  cut_number cut;                              ///< the last one that it was ordered to begin
  std::vector<lease_set_aside> told_set_aside; ///< the first few, also those not settled yet
  std::vector<actor_life> drained; ///< workers that leave, and have nothing open any more
};

template <class Inspector>
auto inspect(Inspector& f, worker_report& x) {
  return f(x.from, x.clock, x.steps, x.samples, x.skipped, x.loss, x.loss_steps, x.compute,
           x.step_times.counts, x.waiting, x.under_way, x.computing, x.unsent);
}
template <class Inspector>
auto inspect(Inspector& f, shard_report& x) {
  return f(x.from, x.version, x.applied, x.entered, x.dropped, x.duplicates, x.lag_max, x.parked,
           x.pushed_bytes, x.pulled_bytes, x.framing_bytes, x.other_bytes, x.tensor_pushed,
           x.tensor_pulled, x.staleness, x.staleness_recent, x.lag_recent);
}
template <class Inspector>
auto inspect(Inspector& f, feeder_report& x) {
  return f(x.from, x.issued, x.applied, x.dropped, x.set_aside, x.dealt_again, x.closed, x.samples,
           x.epoch, x.epochs, x.finished, x.cut, x.told_set_aside, x.drained);
}

} // namespace lagrange::runtime
