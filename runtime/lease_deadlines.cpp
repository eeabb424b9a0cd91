#include "runtime/lease_deadlines.hpp"

#include "runtime/time_law.hpp"

namespace lagrange::runtime {

namespace {

/// A lease counts as overdue where one as late has a probability of 10^-phi. To be wrong costs a
/// batch that is computed twice, so this is less strict than where a worker is killed.
constexpr double phi = 8;

} // namespace

void lease_deadlines::on_settled(lease_id what, time_point now) {
  const auto found = open_.extract(what);
  if (found.empty()) return;
  const auto took = now - found.mapped().at;
  times_[found.mapped().to].add(took);
  all_.add(took);
}

std::optional<std::chrono::duration<double>> lease_deadlines::patience(worker_id who) const {
  const auto own = times_.find(who);
  if (own != times_.end() && own->second.count() >= habit_times_min)
    return longest_by_habit(own->second, phi);
  if (all_.count() < habit_times_min) return std::nullopt;
  return longest_by_habit(all_, phi);
}

std::vector<lease_id> lease_deadlines::overdue(time_point now) const {
  std::vector<lease_id> found;
  std::map<worker_id, std::optional<std::chrono::duration<double>>> patience_of;
  for (const auto& [id, open] : open_) {
    const auto [place, is_new] = patience_of.try_emplace(open.to);
    if (is_new) place->second = patience(open.to);
    if (place->second && now - open.at > *place->second) found.push_back(id);
  }
  return found;
}

} // namespace lagrange::runtime
