// What a shard says of itself: to its journal, to the feeder, to people.
#include "runtime/digest.hpp"
#include "runtime/shard.hpp"

#include <algorithm>
#include <iterator>

namespace lagrange::runtime {

// ---- the journal --------------------------------------------------------------------------------

namespace {

journal_kind kind_of(lease_outcome outcome) {
  return outcome == lease_outcome::applied   ? journal_kind::applied
         : outcome == lease_outcome::dropped ? journal_kind::dropped
                                             : journal_kind::set_aside;
}

} // namespace

lease_outcome shard::outcome_of(const gradient_push& closing) {
  return closing.verdict == push_verdict::apply     ? lease_outcome::applied
         : closing.verdict == push_verdict::discard ? lease_outcome::set_aside
                                                    : lease_outcome::dropped;
}

journal_entry& shard::settle(const gradient_push& closing, lease_outcome outcome,
                             shard_effects& out) {
  const bool is_applied = outcome == lease_outcome::applied;
  if (is_applied)
    counts_.entered += entered_.insert(closing.what.id, closing.what.batches);
  else
    ++counts_.dropped;
  unreported_.push_back({closing.what.id, closing.what.attempt, outcome});
  return note(kind_of(outcome), closing, out);
}

journal_entry& shard::note(journal_kind kind, const gradient_push& closing,
                           shard_effects& out) const {
  auto& entry = out.entries.emplace_back();
  entry.kind = kind;
  entry.worker = {closing.from.name.index};
  entry.life = closing.from.life;
  entry.clock = closing.clock;
  entry.version = version_;
  entry.what = closing.what.id;
  entry.attempt = closing.what.attempt;
  entry.read = closing.read;
  entry.samples = closing.samples;
  if (kind == journal_kind::set_aside) entry.batches = closing.what.batches;
  entry.clip_scale = closing.clip_scale;
  return entry;
}

shard_effects shard::note_state() {
  shard_effects out;
  if (options_.hash_every == 0 || hashed_ == version_) return out;
  hashed_ = version_;
  journal_entry entry;
  entry.kind = journal_kind::state;
  entry.version = version_;
  entry.digest = sha256(std::as_bytes(parameters_.values()));
  out.entries.push_back(entry);
  return out;
}

void shard::note_state_if_due(shard_effects& out) {
  if (options_.hash_every > 0 && version_.value % options_.hash_every == 0)
    std::ranges::move(note_state().entries, std::back_inserter(out.entries));
}

void shard::count_applied(std::uint64_t staleness) {
  ++counts_.applied;
  ++counts_.staleness[std::min<std::uint64_t>(staleness, counts_.staleness.size() - 1)];
}

// ---- settlements and reports --------------------------------------------------------------------

settlement shard::next_settlement() {
  if (reporting_ == 0) reporting_ = unreported_.size();
  const auto end = unreported_.begin() + static_cast<std::ptrdiff_t>(reporting_);
  return {options_.self, settlement_number_, {unreported_.begin(), end}};
}

void shard::on_settlement_ack(const settlement_ack& ack) {
  if (ack.sequence != settlement_number_ || reporting_ == 0) return;
  unreported_.erase(unreported_.begin(),
                    unreported_.begin() + static_cast<std::ptrdiff_t>(reporting_));
  reporting_ = 0;
  ++settlement_number_;
}

shard_report shard::report() const {
  auto counts = counts_;
  counts.from = options_.self;
  counts.version = version_;
  counts.parked = parked_.size();
  return counts;
}

} // namespace lagrange::runtime
