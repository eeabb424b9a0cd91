#include "runtime/cut_schedule.hpp"

#include <utility>

namespace lagrange::runtime {

namespace {

/// The feeder may have been told before it could listen: so often it is told again.
constexpr std::chrono::milliseconds repeat_after{1'000};
/// A cut that was given up because somebody died is tried again after this.
constexpr std::chrono::milliseconds retry_after{500};

} // namespace

std::optional<cut_order> cut_schedule::on_tick(const stamp& self, time_point now) {
  if (!is_enabled()) return std::nullopt;
  if (!due_) due_ = now + options_.every;
  if (!making_) {
    if (now < *due_) return std::nullopt;
    last_ = last_.next();
    making_ = whole_cut{last_, {}};
    began_ = now;
  } else if (now - sent_ < repeat_after) {
    return std::nullopt;
  }
  sent_ = now;
  return cut_order{self, last_};
}

void cut_schedule::ask(time_point now) {
  if (!making_) due_ = now;
}

bool cut_schedule::is_expected(actor_name who) const {
  if (gone_.contains(who)) return false;
  return (who.role == actor_role::shard && who.index < options_.shards) ||
         (who.role == actor_role::worker && who.index < options_.workers);
}

bool cut_schedule::is_whole() const {
  const auto has_all = [this](actor_role role, std::uint32_t count) {
    for (std::uint32_t index = 0; index < count; ++index)
      if (is_expected({role, index}) && !making_->parts.contains({role, index})) return false;
    return true;
  };
  return has_all(actor_role::shard, options_.shards) &&
         has_all(actor_role::worker, options_.workers);
}

std::optional<whole_cut> cut_schedule::on_part(const part_report& part, time_point now) {
  if (!making_ || part.cut != making_->cut || !is_expected(part.from.name)) return std::nullopt;
  if (!part.failure.empty()) {
    failure_ = to_string(part.from.name) + " could not keep its part of checkpoint " +
               to_string(part.cut) + ": " + part.failure;
    give_up(now + options_.every);
    return std::nullopt;
  }
  making_->parts.emplace(part.from.name, part); // the first one: another life has none of this cut
  if (!is_whole()) return std::nullopt;
  making_->took = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_);
  due_ = now + options_.every;
  return std::exchange(making_, std::nullopt);
}

void cut_schedule::forget(actor_name who, time_point now) {
  on_loss(who, now);
  gone_.insert(who);
}

void cut_schedule::on_loss(actor_name who, time_point now) {
  if (making_ && is_expected(who) && !making_->parts.contains(who)) give_up(now + retry_after);
}

} // namespace lagrange::runtime
