// How the nodes that a dead supervisor has left become this one's.
#include "runtime/supervisor.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

supervisor_effects supervisor::on_return(const returned_node& node, time_point) {
  supervisor_effects out;
  const bool is_up = node.is.life.value > 0;
  const auto who = is_up ? node.is : node.process;
  const auto found = places_.find(who.name);
  // One that is not up has nothing to lose. A life that is not the last was given up before, by
  // whoever commanded then.
  if (found == places_.end() || phase_ != job_phase::adopting || !is_up ||
      who.life < found->second.life) {
    adoption_.settle(node.process);
    out.kills.push_back(node.process);
    return out;
  }
  auto& where = found->second;
  if (where.state != place_state::waiting) { // a life before this one has returned, too
    if (where.state == place_state::running) --running_[who.name.role];
    heartbeats_.forget(who.name);
    adoption_.settle(process_of(who.name, where));
    out.kills.push_back(process_of(who.name, where));
  }
  where.life = who.life;
  where.pid = node.pid;
  where.state = place_state::placed;
  where.process.reset();
  if (node.process != who) {
    where.process = node.process;
    promoted_[node.process] = who;
  }
  return out;
}

/// Nobody is missed that could still come.
void supervisor::go_on_adopting(time_point now, supervisor_effects& out) {
  for (const auto& [name, where] : places_)
    if (where.state == place_state::running) adoption_.settle(process_of(name, where));
  if (phase_ == job_phase::adopting && adoption_.is_whole(now)) adopt(now, out);
}

/// The job goes on with those who are back. Whoever is not has died when nobody was there to see.
void supervisor::adopt(time_point now, supervisor_effects& out) {
  phase_ = job_phase::running;
  const auto back = std::ranges::count_if(
      places_, [](const auto& entry) { return entry.second.state == place_state::running; });
  out.events.push_back(fmt::format("{} of {} nodes were adopted after {:.2f} s, as they were", back,
                                   places_.size(), adoption_.took(now).count()));
  change_view(now, out);
  for (auto& [name, where] : places_) {
    if (where.state == place_state::running || where.restarts > 0) continue; // known to be lost
    const actor_life who{name, where.life};
    const bool is_lost = name.role == actor_role::worker && adoption_.has_lost_unsent(who);
    if (is_lost) {
      fall(who, "is gone, as its supervisor is, and with both what it had not sent", out);
    } else {
      where.state = place_state::starting; // where a death counts
      lose(who, where, {"died while no supervisor was there"}, now, out);
    }
    if (phase_ == job_phase::ended) return;
  }
}

} // namespace lagrange::runtime
