// How a shard keeps the pushes of a round, and makes them one update.
#include "runtime/shard.hpp"

namespace lagrange::runtime {

void shard::take_into_round(kept_push push, time_point now, shard_effects& out) {
  const auto closing = push.frames.back();
  if (closing->verdict != push_verdict::discard) // no step made it, so none is to be recomputed
    note(journal_kind::kept, *closing, out).checksum = push.checksum;
  finish_step(*closing, now);
  round_.pushes.emplace(closing->what.id, std::move(push));
  if (quorum_)
    unreported_.push_back({closing->what.id, closing->what.attempt, lease_outcome::kept});
  else if (round_.pushes.size() >= closing->what.round_size)
    apply_round(now, out);
}

std::optional<round_request> shard::wanted_closing() const {
  if (!quorum_ || round_.pushes.empty()) return std::nullopt;
  return round_request{options_.self, round_.number};
}

shard_effects shard::on_closing(const round_closing& closing, time_point now) {
  shard_effects out;
  if (closing.from.job != options_.self.job || closing.from.term != options_.self.term ||
      !quorum_ || closing.round != round_.number)
    return out; // told before
  for (const auto id : closing.members)
    LAGRANGE_EXPECT(round_.pushes.contains(id), "a member of a round that never came");
  for (const auto id : closing.excluded) exclude(id, out);
  apply_round(now, out);
  admit_parked(now, out);
  return out;
}

/// Its push counts as taken from now on: whoever still makes it is told that it came too late.
void shard::exclude(lease_id id, shard_effects& out) {
  journal_entry entry;
  entry.kind = journal_kind::excluded;
  entry.version = version_;
  entry.what = id;
  if (const auto kept = round_.pushes.extract(id); !kept.empty()) {
    entry.worker = {kept.mapped().closing().from.name.index};
    entry.life = kept.mapped().closing().from.life;
    entry.attempt = kept.mapped().closing().what.attempt;
  }
  taken_.insert(id);
  ++counts_.dropped;
  unreported_.push_back({id, entry.attempt, lease_outcome::dropped});
  out.entries.push_back(entry);
}

void shard::apply_round(time_point now, shard_effects& out) {
  const auto whole = std::exchange(round_, {round_.number + 1, {}, {}});
  double samples = 0;
  for (const auto& [id, push] : whole.pushes) {
    if (push.closing().verdict == push_verdict::apply) samples += push.closing().samples;
    if (push.closing().verdict == push_verdict::discard)
      settle(push.closing(), lease_outcome::set_aside, out); // at the version that it left alone
  }
  if (samples > 0) {
    parameters_.begin_sum();
    for (const auto& [id, push] : whole.pushes) { // in lease order: the sum is the same every time
      if (push.closing().verdict != push_verdict::apply) continue;
      const auto staleness = version_.value - push.closing().read.value;
      parameters_.add(push.frames, static_cast<float>(push.closing().samples / samples), staleness);
      count_applied(staleness);
    }
    parameters_.apply_sum(version_.next());
    version_ = version_.next();
  }
  for (const auto& [id, push] : whole.pushes) {
    if (push.closing().verdict == push_verdict::discard) continue;
    const bool is_applied = samples > 0 && push.closing().verdict == push_verdict::apply;
    settle(push.closing(), is_applied ? lease_outcome::applied : lease_outcome::dropped, out)
        .checksum = push.checksum;
  }
  if (samples > 0) note_state_if_due(out);
  for (const auto& [worker, step] : whole.clocks)
    clocks_.advances(worker, step.first, step.second, now);
}

} // namespace lagrange::runtime
