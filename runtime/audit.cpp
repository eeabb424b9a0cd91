#include "runtime/audit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

audit::audit(feeder_options dealt) : dealt_(dealt), shards_(dealt.shards) {
  counts_.leases = leases_of(dealt_);
}

void audit::report(const std::string& text) {
  if (breach_.empty()) breach_ = text;
}

void audit::see(shard_id shard, const journal_entry& entry) {
  auto& own = shards_.at(shard.value);
  const bool is_settled = entry.kind == journal_kind::applied ||
                          entry.kind == journal_kind::dropped ||
                          entry.kind == journal_kind::excluded;
  if (is_settled) return see_end(shard, entry);
  if (entry.kind == journal_kind::duplicate) ++counts_.refused;
  if (entry.kind == journal_kind::kept && !own.kept.emplace(entry.what, entry.attempt).second)
    report(fmt::format("lease {} was kept twice for its round by shard-{}", entry.what.value,
                       shard.value));
  if (entry.kind == journal_kind::switched)
    own.switches.emplace_back(entry.clock, policy_of(entry));
  if (entry.version != own.version)
    report(fmt::format("shard-{} was at version {} and then at {}, without an update", shard.value,
                       own.version.value, entry.version.value));
}

void audit::see_end(shard_id shard, const journal_entry& entry) {
  auto& own = shards_.at(shard.value);
  const bool is_applied = entry.kind == journal_kind::applied;
  const auto [place, is_first] =
      own.ended.try_emplace(entry.what, ending{entry.kind, entry.attempt, entry.version});
  if (!is_first)
    report(fmt::format("lease {} was {} twice by shard-{} (at versions {} and {})",
                       entry.what.value, is_applied ? "applied" : "settled", shard.value,
                       place->second.version.value, entry.version.value));
  if (entry.what.value >= counts_.leases)
    report(fmt::format("shard-{} settled lease {}, but the job has only {}", shard.value,
                       entry.what.value, counts_.leases));
  else if (const auto samples = samples_of(dealt_, entry.what).size();
           is_applied && entry.samples != samples)
    report(fmt::format("lease {} was applied by shard-{} with {} samples, but has {}",
                       entry.what.value, shard.value, entry.samples, samples));
  // All leases of a round are one update; those that were dropped are none.
  const bool is_in_round = own.kept.contains(entry.what);
  const bool is_same = entry.version == own.version && (!is_applied || is_in_round);
  const bool is_next = entry.version == own.version.next() && (is_applied || is_in_round);
  if (!is_same && !is_next)
    report(fmt::format("shard-{} went from version {} to {} with lease {}", shard.value,
                       own.version.value, entry.version.value, entry.what.value));
  own.version = entry.version;
}

void audit::end() {
  for (std::uint64_t id = 0; id < counts_.leases && breach_.empty(); ++id) check_lease({id});
  if (breach_.empty()) check_samples();
  for (std::size_t shard = 1; shard < shards_.size(); ++shard)
    if (shards_[shard].switches != shards_[0].switches)
      report(fmt::format("shard-{} did not switch its policy as shard-0 did", shard));
  counts_.switches = shards_[0].switches.size();
}

void audit::check_lease(lease_id id) {
  bool is_applied = false, is_excluded = false;
  lease_attempt last{1};
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    const auto found = shards_[shard].ended.find(id);
    if (found == shards_[shard].ended.end())
      return report(
          fmt::format("lease {} was neither applied nor dropped by shard-{}", id.value, shard));
    is_applied |= found->second.kind == journal_kind::applied;
    is_excluded |= found->second.kind == journal_kind::excluded;
    last = std::max(last, found->second.attempt);
  }
  if (is_applied && is_excluded)
    return report(fmt::format("lease {} was applied by one shard and left out of its round by "
                              "another",
                              id.value));
  ++(is_applied ? counts_.applied : counts_.dropped);
  counts_.excluded += is_excluded;
  counts_.dealt_again += last.value - 1;
  if (is_applied) counts_.samples += samples_of(dealt_, id).size();
}

/// That the leases of an epoch hold every sample of the data set once.
void audit::check_samples() {
  const auto leases = counts_.leases / dealt_.epochs;
  for (std::uint32_t epoch = 0; epoch < dealt_.epochs; ++epoch) {
    std::vector<bool> seen(dealt_.samples);
    std::uint64_t count = 0;
    for (std::uint64_t id = epoch * leases; id < (epoch + 1) * leases; ++id)
      for (const auto sample : samples_of(dealt_, {id})) {
        count += !seen[sample];
        seen[sample] = true;
      }
    if (count != dealt_.samples)
      report(fmt::format("the leases of epoch {} hold {} different samples of {}", epoch, count,
                         dealt_.samples));
  }
}

} // namespace lagrange::runtime
