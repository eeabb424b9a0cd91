#include "invariants.hpp"

#include "runtime/permutation.hpp"

namespace lagrange::sim {

using namespace runtime;

void invariants::report(const std::string& text) {
  if (breach_.empty()) breach_ = text;
}

void invariants::see(shard_id shard, const journal_entry& entry) {
  for (const std::uint64_t part :
       {std::uint64_t{shard.value}, static_cast<std::uint64_t>(entry.kind),
        std::uint64_t{entry.worker.value}, std::uint64_t{entry.life.value}, entry.clock.value,
        entry.version.value, entry.what.value, std::uint64_t{entry.attempt.value}})
    fingerprint_ = mix(fingerprint_ ^ part);
  if (entry.kind == journal_kind::state) return;
  if (entry.kind == journal_kind::excluded) return see_settled(shard, entry);
  if (entry.kind == journal_kind::switched) return see_switched(shard, entry);
  auto& known = shards_[shard.value].workers[entry.worker];
  const bool is_settled = entry.kind == journal_kind::applied ||
                          entry.kind == journal_kind::dropped ||
                          entry.kind == journal_kind::set_aside;
  if (entry.life < known.life && is_settled && options_.has_rounds)
    return see_settled(shard, entry);
  if (entry.life < known.life)
    report("fencing: shard-" + to_string(shard) + " listened to worker-" + to_string(entry.worker) +
           " incarnation " + to_string(entry.life));
  if (entry.life > known.life) known = {entry.life, {}, {}, false};
  switch (entry.kind) {
  case journal_kind::served:
    return see_served(shard, entry);
  case journal_kind::left:
    known.has_left = true;
    return;
  case journal_kind::kept: // its clock moves with its round
    known.kept = std::max(known.kept, entry.clock.next());
    return;
  case journal_kind::state:
  case journal_kind::excluded:
  case journal_kind::switched:
    return;
  case journal_kind::ticked:
  case journal_kind::duplicate:
    break;
  case journal_kind::applied:
  case journal_kind::dropped:
  case journal_kind::set_aside:
    see_settled(shard, entry);
  }
  known.clock = std::max(known.clock, entry.clock.next());
}

void invariants::see_served(shard_id shard, const journal_entry& entry) {
  auto& own = shards_[shard.value];
  auto& puller = own.workers[entry.worker];
  // The first pull of an incarnation, or after it left, says at which clock it starts.
  if (puller.clock == worker_clock{} || puller.has_left)
    puller = {entry.life, entry.clock, {}, false};
  if (entry.version != own.version)
    report("SH-1: shard-" + to_string(shard) + " served version " + to_string(entry.version) +
           " while at " + to_string(own.version));
  own.unadmitted = std::max(own.unadmitted, entry.clock.next());
  const auto bound = bound_at(shard, entry.clock);
  if (!bound) return;
  const auto lag = entry.clock.value - std::min(entry.clock, entry.slowest).value;
  if (lag > *bound)
    report("CL-2: shard-" + to_string(shard) + " admitted worker-" + to_string(entry.worker) +
           " with lag " + std::to_string(lag));
  for (const auto& [worker, spoke] : own.workers) {
    const bool is_counted = !spoke.has_left && spoke.life.value > 0 && worker != entry.worker;
    if (is_counted && options_.is_live(worker, spoke.life) &&
        spoke.clock.value + *bound < entry.clock.value)
      report("CL-1: worker-" + to_string(entry.worker) + " read at clock " +
             to_string(entry.clock) + " from shard-" + to_string(shard) + " without step " +
             to_string(spoke.clock) + " of worker-" + to_string(worker));
  }
}

std::optional<std::uint64_t> invariants::bound_at(shard_id shard, worker_clock clock) const {
  const auto& bounds = shards_[shard.value].bounds;
  const auto after = bounds.upper_bound(clock);
  return after == bounds.begin() ? options_.bound : std::prev(after)->second;
}

void invariants::see_switched(shard_id shard, const journal_entry& entry) {
  auto& own = shards_[shard.value];
  if (entry.clock < own.unadmitted)
    report("CL-2: shard-" + to_string(shard) + " switched its policy from clock " +
           to_string(entry.clock) + " on, but had admitted a pull of " +
           std::to_string(own.unadmitted.value - 1));
  for (auto& [worker, spoke] : own.workers) spoke.clock = std::max(spoke.clock, spoke.kept);
  own.bounds[entry.clock] = options_.bound_of(policy_of(entry));
}

void invariants::see_settled(shard_id shard, const journal_entry& entry) {
  auto& own = shards_[shard.value];
  const auto batches = entry.kind == journal_kind::set_aside
                           ? entry.batches
                           : batches_of(options_.dealt, entry.samples);
  own.applied_ids += batches;
  if (!own.applied.emplace(entry.what, batches).second)
    report("SH-2: shard-" + to_string(shard) + " took lease " + to_string(entry.what) + " twice");
  if (entry.version < own.version || entry.version.value > own.version.value + 1)
    report("SH-1: shard-" + to_string(shard) + " went from version " + to_string(own.version) +
           " to " + to_string(entry.version));
  own.version = entry.version;
}

std::uint64_t invariants::see_end() {
  const auto ids = leases_of(options_.dealt);
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard)
    for (std::uint64_t id = 0; id < ids;) {
      const auto found = shards_[shard].applied.find({id});
      if (found == shards_[shard].applied.end())
        report("LE-1: shard-" + std::to_string(shard) + " never took lease " + std::to_string(id));
      id += found == shards_[shard].applied.end() ? 1 : found->second;
    }
  return shards_[0].applied.size();
}

} // namespace lagrange::sim
