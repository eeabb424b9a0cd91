/// \file
/// What the feeder of a later term begins with. Nobody saves a feeder: what had become of every
/// lease is known from what all shards held at the cut that the term goes back to.
///
/// A lease that every shard had taken is closed. One that only some had, or none although later
/// ones had been dealt, is open, and dealt again; those that have it say so and take nothing twice.
///
/// Invariants: LE-1, SH-2.
#pragma once

#include "runtime/lease_set.hpp"
#include "runtime/messages.hpp"
#include "runtime/shard_state.hpp"

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace lagrange::runtime {

struct feeder_options;

struct feeder_past {
  struct open_lease {
    lease_id id;
    std::uint32_t batches = 1;
    std::set<shard_id> settled; ///< who has taken it
    bool is_applied = false;    ///< at least one of them has applied it
  };
  lease_set closed;
  std::vector<open_lease> open; ///< by id
  lease_id fresh;               ///< the lowest id that nobody had heard of
  std::string policy;           ///< that it was switched to; empty: the job's own is in force
  std::uint64_t round = 0;
  worker_clock clock; ///< the highest of any worker: where all begin, unless there are rounds
  // As in feeder_report, but of the leases that are closed or open alone.
  std::uint64_t issued = 0, applied = 0, dropped = 0, samples = 0;
};

/// `batches` are those of the leases that have several: the journals know them.
/// Requires: the feeder's options of this job.
/// Errors: bad_file, when the states are not those of all shards at one cut.
result<feeder_past> make_past(const feeder_options& dealt,
                              std::span<const std::shared_ptr<const shard_state>> states,
                              std::map<lease_id, std::uint32_t> batches = {});

/// Attempts at one lease within one term; those of a later term are numbered beyond, so that no
/// two of a run are alike. Far more than a batch that kills its workers is dealt.
constexpr std::uint32_t attempts_per_term = 65'536;
/// The one before the first of the term. Requires: a term up to terms_max.
lease_attempt attempt_before(supervisor_term term);
/// How often the lease had been dealt in its term, this attempt included.
constexpr std::uint32_t attempt_in_term(lease_attempt x) {
  return x.value == 0 ? 0 : (x.value - 1) % attempts_per_term + 1;
}
/// Terms of a run at most.
constexpr std::uint32_t terms_max = 65'535;

} // namespace lagrange::runtime
