// How actors go down: who died, by whatever word of it, and who is started again.
#include "runtime/supervisor.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

supervisor_effects supervisor::on_loss(actor_life who, const std::string& cause, time_point now) {
  supervisor_effects out;
  if (auto* where = find(who)) lose(who, *where, cause, now, out);
  return out;
}

void supervisor::lose(actor_life who, place& where, const std::string& cause, time_point now,
                      supervisor_effects& out) {
  if (where.state == place_state::lost || where.state == place_state::waiting ||
      where.state == place_state::ended)
    return;
  if (where.state == place_state::running) --running_[who.name.role];
  heartbeats_.forget(who.name);
  if (phase_ >= job_phase::ending ||
      (phase_ == job_phase::collecting && who.name.role == actor_role::worker)) {
    where.state = place_state::ended;
    note_if_all_ended();
  } else if (is_restartable(who.name.role)) {
    lose_restartable(who, where, cause, now, out);
  } else {
    fall(who, cause, out);
  }
}

/// Nobody has to be asked to end: the next term begins where everybody was at a cut.
void supervisor::fall(actor_life who, const std::string& cause, supervisor_effects& out) {
  for (auto& [name, where] : places_) {
    if (where.state != place_state::waiting && where.state != place_state::lost)
      out.kills.push_back({name, where.life});
    where.state = place_state::ended;
  }
  out.launches.clear();
  phase_ = job_phase::ended;
  outcome_ = job_outcome::failed;
  cause_ = to_string(who.name) + " " + cause;
  fall_ = {who.name, cause};
}

supervisor_effects supervisor::on_launch_failure(actor_life who, const std::string& cause,
                                                 time_point now) {
  return on_loss(who, "could not be started: " + cause, now);
}

void supervisor::lose_restartable(actor_life who, place& where, const std::string& cause,
                                  time_point now, supervisor_effects& out) {
  out.events.push_back(to_string(who.name) + " " + cause);
  const auto [wait, excess] = restarts_.on_death(who.name, now);
  out.kills.push_back(who);
  where.state = place_state::lost;
  where.pid = 0;
  if (excess.empty()) {
    restart(who, where, now + wait, now);
    restart_others(who.name, now + wait, now, out);
  }
  change_view(now, out);
  if (!excess.empty())
    end(job_outcome::failed, fmt::format("{} {}; {}", to_string(who.name), cause, excess), now,
        out);
}

/// Its next life begins when it is due.
void supervisor::restart(actor_life who, place& where, time_point due, time_point now) {
  if (!where.lost_at) where.lost_at = now;
  cuts_.on_loss(who.name, now);
  progress_.on_loss(who.name, now);
  ++where.restarts;
  where.life = where.life.next();
  where.state = place_state::waiting;
  where.due = due;
}

/// Those that are not up begin anew anyway.
void supervisor::restart_others(actor_name dead, time_point due, time_point now,
                                supervisor_effects& out) {
  for (auto& [name, where] : places_) {
    if (where.state != place_state::running || !restarts_.is_restarted_with(name, dead)) continue;
    --running_[name.role];
    heartbeats_.forget(name);
    out.events.push_back(to_string(name) + " is restarted along with " + to_string(dead));
    out.kills.push_back({name, where.life});
    where.pid = 0;
    restart({name, where.life}, where, due, now);
  }
}

/// Their processes may be there, and are killed: what is left of them is fenced.
void supervisor::lose_silent(time_point now, supervisor_effects& out) {
  for (const auto& who : heartbeats_.silent(now)) {
    if (phase_ >= job_phase::collecting) return;
    if (find(who) == nullptr) continue; // restarted along with one before it
    lose(who, places_.at(who.name), heartbeats_.describe(who.name, now), now, out);
  }
}

} // namespace lagrange::runtime
