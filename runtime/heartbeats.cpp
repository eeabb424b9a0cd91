#include "runtime/heartbeats.hpp"

#include "runtime/restart_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lagrange::runtime {

namespace {

/// Of the time between two ticks no more counts as listened: they come every 250 ms.
constexpr std::chrono::milliseconds tick_gap_max{500};
/// A gap counts so much in the mean and the variance of all; a quarter is left of it after 22 more.
constexpr double gap_weight = 1.0 / 16;
/// Actors report four times a second, until their own habit is known.
constexpr double first_gap_seconds = 0.25;
/// However regular an actor is, its gaps deviate by this share of their mean.
constexpr double deviation_min = 0.25;

/// Where no restart helps, a death is the end of the job, and a hang may yet pass.
constexpr int patience_without_restart = 10;

} // namespace

heartbeats::seconds heartbeats::listened(time_point now) const {
  if (now <= ticked_) return listened_;
  return listened_ + std::min<seconds>(now - ticked_, tick_gap_max);
}

void heartbeats::on_tick(time_point now) {
  listened_ = listened(now);
  ticked_ = std::max(ticked_, now);
}

void heartbeats::observe(actor_life who, time_point now) {
  const auto heard = listened(now);
  auto [place, is_first] = known_.try_emplace(who.name);
  auto& known = place->second;
  if (is_first || known.life != who.life) {
    known = {who.life, heard, first_gap_seconds, 0};
    return;
  }
  const auto off = std::max((heard - known.last).count(), 0.0) - known.mean;
  known.mean += gap_weight * off;
  known.variance = (1 - gap_weight) * (known.variance + gap_weight * off * off);
  known.last = std::max(known.last, heard);
}

/// Gaps are taken for normally distributed, as in the paper.
double heartbeats::phi_of(const habit& of, seconds silence) const {
  const auto deviation = std::max(std::sqrt(of.variance), deviation_min * of.mean);
  const auto off = (silence.count() - of.mean) / deviation;
  const auto later = 0.5 * std::erfc(off / std::sqrt(2.0));
  return later > 0 ? -std::log10(later) : std::numeric_limits<double>::infinity();
}

double heartbeats::phi(actor_name who, time_point now) const {
  const auto found = known_.find(who);
  if (found == known_.end()) return 0;
  return phi_of(found->second, listened(now) - found->second.last);
}

std::vector<actor_life> heartbeats::silent(time_point now) const {
  std::vector<actor_life> found;
  const auto heard = listened(now);
  for (const auto& [name, known] : known_) {
    const auto silence = heard - known.last;
    const auto floor = options_.floor * (is_restartable(name.role) ? 1 : patience_without_restart);
    if (silence >= floor && phi_of(known, silence) >= options_.phi_max)
      found.push_back({name, known.life});
  }
  return found;
}

std::string heartbeats::describe(actor_name who, time_point now) const {
  const auto& known = known_.at(who);
  return fmt::format("fell silent: nothing for {:.1f} s, expected every {:.2f} s",
                     (listened(now) - known.last).count(), known.mean);
}

} // namespace lagrange::runtime
