#include "runtime/audit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

audit::audit(feeder_options dealt)
    : dealt_(std::move(dealt)), ids_(leases_of(dealt_)), shards_(dealt_.shards) {}

void audit::report(const std::string& text) {
  if (breach_.empty()) breach_ = text;
}

void audit::see(shard_id shard, const journal_entry& entry) {
  auto& own = shards_.at(shard.value);
  const bool is_settled =
      entry.kind == journal_kind::applied || entry.kind == journal_kind::dropped ||
      entry.kind == journal_kind::excluded || entry.kind == journal_kind::set_aside;
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
  const bool is_set_aside = entry.kind == journal_kind::set_aside;
  const auto batches = is_set_aside ? entry.batches : batches_of(dealt_, entry.samples);
  const auto [place, is_first] =
      own.ended.try_emplace(entry.what, ending{entry.kind, entry.attempt, entry.version, batches});
  if (!is_first)
    report(fmt::format("lease {} was {} twice by shard-{} (at versions {} and {})",
                       entry.what.value, is_applied ? "applied" : "settled", shard.value,
                       place->second.version.value, entry.version.value));
  const bool is_known = !is_set_aside && entry.kind != journal_kind::excluded; // of its samples
  const lease what{.id = entry.what, .attempt = {}, .batches = batches};
  if (entry.what.value >= ids_)
    report(fmt::format("shard-{} settled lease {}, but the job has only {}", shard.value,
                       entry.what.value, ids_));
  else if (const auto samples = sample_count(dealt_, what); is_known && entry.samples != samples)
    report(fmt::format("lease {} was {} by shard-{} with {} samples, but has {}", entry.what.value,
                       is_applied ? "applied" : "dropped", shard.value, entry.samples, samples));
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
  for (lease_id id; id.value < ids_ && breach_.empty(); ++counts_.leases)
    id.value += check_lease(id);
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) check_strays({shard});
  if (breach_.empty()) check_samples();
  for (std::size_t shard = 1; shard < shards_.size(); ++shard)
    if (shards_[shard].switches != shards_[0].switches)
      report(fmt::format("shard-{} did not switch its policy as shard-0 did", shard));
  counts_.switches = shards_[0].switches.size();
}

/// The ids that the lease stands for.
std::uint32_t audit::check_lease(lease_id id) {
  bool is_applied = false, is_excluded = false, is_set_aside = false;
  lease_attempt last{1};
  lease what{.id = id, .attempt = {}};
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    const auto found = shards_[shard].ended.find(id);
    if (found == shards_[shard].ended.end()) {
      report(fmt::format("lease {} was neither applied nor dropped by shard-{}", id.value, shard));
      return what.batches;
    }
    const auto& ended = found->second;
    if (shard > 0 && ended.batches != what.batches)
      report(fmt::format("lease {} had {} batches at shard-0, but {} at shard-{}", id.value,
                         what.batches, ended.batches, shard));
    what.batches = ended.batches;
    is_applied |= ended.kind == journal_kind::applied;
    is_excluded |= ended.kind == journal_kind::excluded;
    is_set_aside |= ended.kind == journal_kind::set_aside;
    last = std::max(last, ended.attempt);
  }
  if (is_applied && is_excluded)
    report(fmt::format("lease {} was applied by one shard and left out of its round by another",
                       id.value));
  ++(is_applied ? counts_.applied : counts_.dropped);
  counts_.excluded += is_excluded;
  counts_.set_aside += is_set_aside && !is_applied;
  counts_.dealt_again += attempt_in_term(last) - 1;
  if (is_applied) counts_.samples += sample_count(dealt_, what);
  return what.batches;
}

/// That no lease begins inside another.
void audit::check_strays(shard_id shard) {
  lease_id free;
  for (const auto& [id, ended] : shards_[shard.value].ended) {
    if (id < free)
      report(fmt::format("lease {} was settled by shard-{} as a part of the lease before it",
                         id.value, shard.value));
    free = {id.value + ended.batches};
  }
}

/// That the leases of an epoch hold every sample of the data set once.
void audit::check_samples() {
  const auto& leases = shards_[0].ended;
  const auto each = ids_ / dealt_.epochs;
  for (std::uint32_t epoch = 0; epoch < dealt_.epochs; ++epoch) {
    std::vector<bool> seen(dealt_.samples);
    std::uint64_t count = 0;
    const auto end = leases.lower_bound({(epoch + 1) * each});
    for (auto at = leases.lower_bound({epoch * each}); at != end; ++at)
      for (const auto sample :
           samples_of(dealt_, {.id = at->first, .attempt = {}, .batches = at->second.batches})) {
        count += !seen[sample];
        seen[sample] = true;
      }
    if (count != dealt_.samples)
      report(fmt::format("the leases of epoch {} hold {} different samples of {}", epoch, count,
                         dealt_.samples));
  }
}

} // namespace lagrange::runtime
