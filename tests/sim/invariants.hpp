/// \file
/// Watches a simulated job's journals and says which invariant of the design is broken, and where.
#pragma once

#include "runtime/feeder.hpp"
#include "runtime/journal.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lagrange::sim {

class invariants {
public:
  struct options {
    std::uint32_t shards = 1;
    std::optional<std::uint64_t> bound; ///< of the policy
    /// Of one that it is switched to.
    std::function<std::optional<std::uint64_t>(const std::string& policy)> bound_of;
    runtime::feeder_options dealt; ///< what leases there are
    bool has_rounds = false;       ///< a push may wait for its round while its maker dies
    /// Whether the supervisor holds this life of a worker for live.
    std::function<bool(runtime::worker_id, runtime::incarnation)> is_live;
  };
  explicit invariants(options chosen) : options_(std::move(chosen)), shards_(options_.shards) {}

  /// Sees what a shard did.
  void see(runtime::shard_id shard, const runtime::journal_entry& entry);
  /// A shard goes on from these of its entries: of the others nobody has heard.
  void go_on_from(runtime::shard_id shard, std::span<const runtime::journal_entry> kept);
  /// At the end of a job: every lease, or each of its batches, is in each shard. How many leases
  /// there were.
  std::uint64_t see_end();

  /// The first breach, as in "SH-2: shard-1 applied lease 7 twice"; empty: none.
  const std::string& breach() const { return breach_; }
  /// A number that differs when any entry of any journal does.
  std::uint64_t fingerprint() const { return fingerprint_; }
  std::uint64_t applied(runtime::shard_id shard) const { return shards_[shard.value].applied_ids; }
  runtime::shard_version version(runtime::shard_id shard) const {
    return shards_[shard.value].version;
  }

private:
  struct spoken {
    runtime::incarnation life;
    runtime::worker_clock clock; ///< finished steps that the shard contains
    runtime::worker_clock kept;  ///< and that it has kept for a round, which may drop them
    bool has_left = false;
  };
  struct watched {
    runtime::shard_version version;
    std::map<runtime::lease_id, std::uint32_t> applied; ///< or dropped: the lease's batches
    std::uint64_t applied_ids = 0;
    std::map<runtime::worker_id, spoken> workers;
    /// By the clock that it is in force from.
    std::map<runtime::worker_clock, std::optional<std::uint64_t>> bounds;
    runtime::worker_clock unadmitted; ///< the first clock that nothing was admitted at
  };
  std::optional<std::uint64_t> bound_at(runtime::shard_id shard, runtime::worker_clock clock) const;
  void see_switched(runtime::shard_id shard, const runtime::journal_entry& entry);
  void see_served(runtime::shard_id shard, const runtime::journal_entry& entry);
  void see_settled(runtime::shard_id shard, const runtime::journal_entry& entry);
  void report(const std::string& text);

  options options_;
  std::vector<watched> shards_;
  std::string breach_;
  std::uint64_t fingerprint_ = 0;
};

} // namespace lagrange::sim
