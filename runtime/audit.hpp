/// \file
/// Proves from the journals of all shards that every sample of every epoch was applied exactly once
/// or dropped by rule, that versions grew by one an update, and that the policy was switched at the
/// same clocks everywhere; or names the first lease that breaks it.
///
/// Invariants: LE-1, SH-1, SH-2.
#pragma once

#include "runtime/feeder.hpp"
#include "runtime/journal.hpp"

#include <map>
#include <string>
#include <vector>

namespace lagrange::runtime {

struct audit_counts {
  std::uint64_t leases = 0;      ///< that were dealt
  std::uint64_t samples = 0;     ///< that were applied, over all epochs
  std::uint64_t applied = 0;     ///< leases that changed parameters
  std::uint64_t dropped = 0;     ///< leases that every shard dropped
  std::uint64_t excluded = 0;    ///< of those, by the policy
  std::uint64_t set_aside = 0;   ///< of those, because workers died with them
  std::uint64_t dealt_again = 0; ///< each within the term that settled it last
  std::uint64_t refused = 0;     ///< pushes of leases that had been taken
  std::uint64_t switches = 0;    ///< of the policy
};

class audit {
public:
  /// Requires: the feeder's options of this job.
  explicit audit(feeder_options dealt);

  /// Sees what a shard did, in order.
  void see(shard_id shard, const journal_entry& entry);
  /// All journals were seen to their ends. Cost: draws every epoch's order of samples.
  void end();

  /// The first breach, as in "lease 881 was applied twice by shard-1 (updates 12 and 40)"; empty:
  /// everything holds. Complete after end().
  const std::string& breach() const { return breach_; }
  const audit_counts& counts() const { return counts_; }

private:
  struct ending {
    journal_kind kind = journal_kind::dropped;
    lease_attempt attempt;
    shard_version version;
    std::uint32_t batches = 1;
  };
  struct watched {
    shard_version version;
    std::map<lease_id, ending> ended;
    std::map<lease_id, lease_attempt> kept; ///< for their rounds
    std::vector<std::pair<worker_clock, std::string>> switches;
  };
  void see_end(shard_id shard, const journal_entry& entry);
  std::uint32_t check_lease(lease_id id);
  void check_strays(shard_id shard);
  void check_samples();
  void report(const std::string& text);

  feeder_options dealt_;
  std::uint64_t ids_; ///< of the job's leases
  std::vector<watched> shards_;
  audit_counts counts_;
  std::string breach_;
};

} // namespace lagrange::runtime
