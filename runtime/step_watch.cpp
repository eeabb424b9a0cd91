#include "runtime/step_watch.hpp"

#include "runtime/time_law.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

namespace {

/// Of the time between two reports no more counts: they come every 250 ms.
constexpr std::chrono::duration<double> gap_max{1};
/// While a worker's habit is not known, it is given so many floors.
constexpr int patience_at_first = 10;

} // namespace

void step_watch::observe(const worker_report& report, time_point now) {
  auto& known = known_[{report.from.name.index}];
  if (report.from.life < known.life) return;
  if (report.from.life > known.life) {
    known.earlier.merge(known.times);
    known.life = report.from.life;
    known.under_way = seconds(0);
  }
  const seconds told = report.under_way;
  const bool is_same = known.under_way > seconds(0) && known.steps == report.steps;
  const seconds since = is_same ? std::min<seconds>(now - known.heard, gap_max) : gap_max;
  known.under_way = std::min((is_same ? known.under_way : seconds(0)) + since, told);
  known.what = report.computing;
  known.steps = report.steps;
  known.times = report.step_times;
  known.heard = now;
}

void step_watch::forget(worker_id who) {
  if (const auto found = known_.find(who); found != known_.end())
    found->second.under_way = seconds(0);
}

time_histogram step_watch::habit::all() const {
  auto made = earlier;
  made.merge(times);
  return made;
}

step_watch::seconds step_watch::patience_of(const habit& of) const {
  const auto times = of.all();
  const auto steps = times.count();
  const seconds floor = options_.floor * (steps < habit_times_min ? patience_at_first : 1);
  return steps == 0 ? floor : std::max(floor, longest_by_habit(times, options_.phi_max));
}

step_watch::seconds step_watch::patience(worker_id who) const {
  const auto found = known_.find(who);
  return patience_of(found == known_.end() ? habit{} : found->second);
}

std::vector<actor_life> step_watch::hung() const {
  std::vector<actor_life> found;
  for (const auto& [who, known] : known_)
    if (known.under_way > options_.floor && known.under_way > patience_of(known))
      found.push_back({{actor_role::worker, who.value}, known.life});
  return found;
}

std::string step_watch::describe(worker_id who) const {
  const auto& known = known_.at(who);
  const auto times = known.all();
  auto text =
      fmt::format("hung: lease {} has taken {:.1f} s", known.what.value, known.under_way.count());
  if (times.count() > 0) text += fmt::format(", its steps take {:.2g} s", times.at(0.5) * 1e-9);
  return text;
}

} // namespace lagrange::runtime
