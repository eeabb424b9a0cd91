// How the feeder closes rounds that do not wait for all of their leases. A round is made of the
// leases that were dealt in it; those that are never dealt belong to a later one.
#include "runtime/feeder.hpp"

#include <algorithm>

namespace lagrange::runtime {

/// Each worker has one lease in a round, and a second only if the quorum cannot be reached without.
bool feeder::choose_in_quorum(const lease_request& request, dealt_grant& chosen) {
  auto& grant = chosen.grant;
  const bool is_new = grant.clock.value <= round_;
  if (is_new) grant.clock = {round_}; // nobody waits for the clock of one who is behind
  // Those expected are counted one by one, so only where it matters.
  const auto held = arrived_.size() + outstanding();
  if (is_closed_ || (!is_new && (held >= needed() || held + expected() >= needed()))) return false;
  grant.kind = grant_kind::tick;
  const bool is_granted =
      choose_lease({leases()}, request, chosen) || (is_new && request.state != standing::idle);
  if (is_granted) served_.insert({request.from.name.index});
  return is_granted;
}

void feeder::note_kept(lease_id id, shard_id by) {
  auto& open = open_.at(id);
  open.kept.insert(by);
  if (open.kept.size() < options_.shards || is_closed_) return;
  arrived_.insert(id);
  again_.erase(id);
}

/// Leases of the round that somebody computes.
std::uint64_t feeder::outstanding() const { return open_.size() - arrived_.size() - again_.size(); }

/// How many leases have to be in: fewer than the quorum only where there are no more.
std::uint64_t feeder::needed() const {
  return std::min<std::uint64_t>(rule_.quorum->leases, open_.size() + (leases() - fresh_.value));
}

/// Live workers that have had no grant in the round yet.
std::uint64_t feeder::expected() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(workers_, [this](const auto& each) {
    return !each.second.is_dead && !served_.contains(each.first);
  }));
}

/// Whether nobody who lives will bring another.
bool feeder::is_all_in() const {
  const bool has_more = !again_.empty() || fresh_ < lease_id{leases()};
  return outstanding() == 0 && (!has_more || expected() == 0);
}

void feeder::close_round_if_due(time_point now, feeder_effects& out) {
  if (!rule_.quorum || is_closed_ || arrived_.empty() || arrived_.size() < needed()) return;
  if (!due_) {
    due_ = now + rule_.quorum->grace;
    if (rule_.quorum->grace > std::chrono::nanoseconds(0)) out.wake_after = rule_.quorum->grace;
  }
  if (now < *due_ && !is_all_in()) return;
  is_closed_ = true;
  closing_ = {options_.self, round_, {arrived_.begin(), arrived_.end()}, {}};
  for (const auto& [id, open] : open_)
    if (!arrived_.contains(id)) closing_.excluded.push_back(id);
  again_.clear();
  for (const auto shard : asking_) out.closings.emplace_back(shard, closing_);
  asking_.clear();
}

feeder_effects feeder::on_round_request(const round_request& asked) {
  feeder_effects out;
  if (asked.from.job != options_.self.job || asked.from.term != options_.self.term ||
      asked.from.name.role != actor_role::shard || asked.from.name.index >= options_.shards)
    return out;
  const shard_id by{asked.from.name.index};
  const bool is_told = closing_.from.term.value > 0 && closing_.round == asked.round;
  if (is_told)
    out.closings.emplace_back(by, closing_);
  else if (asked.round == round_)
    asking_.insert(by);
  return out;
}

feeder_effects feeder::on_wake(time_point now) {
  feeder_effects out;
  close_round_if_due(now, out);
  return out;
}

} // namespace lagrange::runtime
