#include "runtime/policy_switch.hpp"

#include <algorithm>
#include <utility>

namespace lagrange::runtime {

namespace {

/// Whoever asks for more while these wait, asks by mistake.
constexpr std::size_t waiting_max = 16;
/// An order that is not answered by then is sent again, or was long in being answered: a feeder's
/// leases take as long as a step.
constexpr std::chrono::milliseconds answer_deadline{1'000};

} // namespace

std::uint64_t policy_switch::ask(std::string policy) {
  if (waiting_.size() >= waiting_max) return 0;
  waiting_.push_back(std::move(policy));
  return ++asked_;
}

std::optional<switch_order> policy_switch::next(time_point now) {
  if (!current_ && !waiting_.empty()) {
    current_ = switch_order{{}, done_ + 1, switch_phase::drain, std::move(waiting_.front()), {}};
    waiting_.pop_front();
  }
  if (!current_ || (sent_ && now - *sent_ < answer_deadline)) return std::nullopt;
  sent_ = now;
  return current_;
}

bool policy_switch::is_awaited(const switch_ack& ack) const {
  if (!current_ || ack.number != current_->number || ack.phase != current_->phase) return false;
  const bool is_of_shards = ack.phase == switch_phase::hold || ack.phase == switch_phase::commit;
  return is_of_shards ? ack.from.name.role == actor_role::shard && ack.from.name.index < shards_
                      : ack.from.name.role == actor_role::feeder;
}

void policy_switch::on_ack(const switch_ack& ack) {
  if (!is_awaited(ack)) return;
  if (ack.phase == switch_phase::hold) first_ = std::max(first_, ack.first);
  answered_.insert(ack.from.name);
  const bool is_of_shards = ack.from.name.role == actor_role::shard;
  if (answered_.size() == (is_of_shards ? shards_ : 1)) advance();
}

void policy_switch::advance() {
  answered_.clear();
  sent_.reset();
  switch (current_->phase) {
  case switch_phase::drain:
    current_->phase = switch_phase::hold;
    break;
  case switch_phase::hold:
    current_->phase = switch_phase::commit;
    current_->first = first_;
    break;
  case switch_phase::commit:
    current_->phase = switch_phase::resume;
    break;
  case switch_phase::resume:
    ++done_;
    finished_ = std::exchange(current_, std::nullopt);
  }
}

std::optional<switch_order> policy_switch::take_done() {
  return std::exchange(finished_, std::nullopt);
}

} // namespace lagrange::runtime
