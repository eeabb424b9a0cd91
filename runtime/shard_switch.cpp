// How a shard changes its policy while it works. In between it keeps the old ones: a worker that is
// far behind pulls for clocks that they judge.
#include "runtime/shard.hpp"

#include <algorithm>

namespace lagrange::runtime {

const staleness_policy& shard::policy_at(worker_clock clock) const {
  auto last = rulings_.rbegin();
  while (last->first > clock) ++last; // the first one is of clock 0
  return *last->policy;
}

void shard::rule(std::unique_ptr<staleness_policy> policy, worker_clock first) {
  has_rounds_ = policy->arrivals() == arrival::round;
  quorum_ = policy->quorum();
  LAGRANGE_EXPECT(!quorum_ || has_rounds_, "a quorum without rounds");
  rulings_.push_back({first, std::move(policy)});
  looks_at_slowest_alone_ = std::ranges::all_of(
      rulings_, [](const ruling& each) { return each.policy->looks_at_slowest_alone(); });
  asked_for_.reset();
}

std::optional<switch_ack> shard::on_switch(const switch_order& order, time_point now,
                                           shard_effects& out) {
  if (order.from.job != options_.self.job || order.from.term != options_.self.term)
    return std::nullopt;
  const bool is_next = order.number == switches_ + 1;
  if (!is_next && order.number != switches_) return std::nullopt; // of a switch long past
  switch_ack ack{options_.self, order.number, order.phase, {}};
  if (order.phase == switch_phase::hold) {
    if (is_next && !held_)
      held_ = has_rounds_ ? std::max(unadmitted_, {round_.number}) : unadmitted_;
    // Who has left the clock table may have done so at the first clock that was not admitted, and
    // comes back at a later one.
    ack.first = held_.value_or(worker_clock{}).next();
  } else if (order.phase == switch_phase::commit) {
    if (is_next) switch_policy(order, now, out);
  } else {
    return std::nullopt;
  }
  return ack;
}

void shard::switch_policy(const switch_order& order, time_point now, shard_effects& out) {
  LAGRANGE_EXPECT(options_.find_policy != nullptr, "a shard that knows one policy alone");
  auto made = options_.find_policy(order.policy);
  LAGRANGE_EXPECT(made.has_value(), "an order to switch to no policy: " + order.policy);
  const bool had_rounds = has_rounds_;
  const auto had_quorum = quorum_;
  rule(std::move(made.value()), order.first);
  rulings_.back().text = order.policy;
  if (had_rounds != has_rounds_ || had_quorum != quorum_) { // else the feeder deals as before
    LAGRANGE_EXPECT(round_.pushes.empty(), "a switch of the policy inside a round");
    for (const auto& [worker, step] : round_.clocks) // ticks of those that had no lease in it
      clocks_.advances(worker, step.first, step.second, now);
    round_ = {order.first.value, {}, {}};
  }
  held_.reset();
  switches_ = order.number;
  auto& entry = out.entries.emplace_back();
  entry.kind = journal_kind::switched;
  entry.version = version_;
  entry.clock = order.first;
  entry.digest = policy_bytes(order.policy);
  admit_parked(now, out);
}

} // namespace lagrange::runtime
