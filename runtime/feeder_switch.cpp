// How a feeder goes over from one way of dealing leases to another: it deals no fresh ones until
// all that are open have come to their ends, and then goes on where the order of leases stopped.
#include "runtime/feeder.hpp"

namespace lagrange::runtime {

/// And no other is to begin. One that has begun is dealt to its end.
bool feeder::is_between_rounds() const {
  return draining_ && has_rounds() && (open_.empty() || is_closed_);
}

bool feeder::is_drained() const { return draining_ && open_.empty(); }

void feeder::note_if_drained(feeder_effects& out) {
  if (is_drained())
    out.switched = switch_ack{options_.self, draining_->number, switch_phase::drain, {}};
}

feeder_effects feeder::on_switch(const switch_order& order, time_point now) {
  feeder_effects out;
  if (order.from.job != options_.self.job || order.from.term != options_.self.term) return out;
  now_ = now;
  const bool is_next = order.number == switches_ + 1;
  if (!is_next && order.number != switches_) return out; // of a switch long past
  const switch_ack ack{options_.self, order.number, order.phase, {}};
  if (!is_next) {
    out.switched = ack;
    return out;
  }
  LAGRANGE_EXPECT(options_.find_rule != nullptr, "a feeder that knows one policy alone");
  const auto rule = options_.find_rule(order.policy);
  if (order.phase == switch_phase::drain) {
    if (rule == rule_)
      out.switched = ack; // leases are dealt as before
    else
      draining_ = order;
    note_if_drained(out);
  } else if (order.phase == switch_phase::resume) {
    switches_ = order.number;
    if (std::exchange(draining_, std::nullopt)) go_on(rule, order.first.value);
    out.switched = ack;
    deal(out);
    close_round_if_due(now, out);
  }
  return out;
}

void feeder::go_on(const dealing_rule& rule, std::uint64_t round) {
  LAGRANGE_EXPECT(options_.batches_max == 1 || rule.round_size == 0,
                  "a switch to rounds of leases that differ in their batches");
  rule_ = rule;
  round_ = round;
  begin_round(fresh_);
  is_closed_ = false;
  served_.clear();
  arrived_.clear();
  due_.reset();
}

} // namespace lagrange::runtime
