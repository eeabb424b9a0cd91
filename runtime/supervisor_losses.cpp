// How actors go down: who died, by whatever word of it, and who is started again.
#include "runtime/loss_words.hpp"
#include "runtime/supervisor.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

supervisor_effects supervisor::on_loss(actor_life who, const std::string& cause, time_point now) {
  supervisor_effects out;
  adoption_.settle(who);
  who = resolved(who);
  if (auto* where = find(who)) lose(who, *where, {cause}, now, out);
  return out;
}

void supervisor::lose(actor_life who, place& where, const death& how, time_point now,
                      supervisor_effects& out) {
  if (where.state == place_state::lost || where.state == place_state::waiting ||
      where.state >= place_state::ended)
    return;
  if (where.state == place_state::running) --running_[who.name.role];
  heartbeats_.forget(who.name);
  if (who.name.role == actor_role::worker) steps_.forget({who.name.index});
  if (phase_ >= job_phase::ending ||
      (phase_ == job_phase::collecting && who.name.role == actor_role::worker)) {
    where.state = place_state::ended;
    note_if_all_ended();
  } else if (may_promote(who)) {
    promote(who, where, how, now, out);
  } else if (is_replica_in_use(who.name)) {
    lose_replica(who, where, how, now, out);
  } else if (where.is_guest || where.is_leaving) {
    lose_for_good(who, where, how, now, out);
  } else if (is_restartable(who.name.role)) {
    lose_restartable(who, where, how, now, out);
  } else {
    fall(who, how.cause, out);
  }
}

/// Nobody has to be asked to end: the next term begins where everybody was at a cut.
void supervisor::fall(actor_life who, const std::string& cause, supervisor_effects& out) {
  for (auto& [name, where] : places_) {
    if (where.state != place_state::waiting && where.state != place_state::lost &&
        where.state != place_state::vacant)
      out.kills.push_back(process_of(name, where));
    if (where.state != place_state::vacant) where.state = place_state::ended;
  }
  out.launches.clear();
  out.promotions.clear();
  phase_ = job_phase::ended;
  outcome_ = job_outcome::failed;
  cause_ = to_string(who.name) + " " + cause;
  fall_ = {who.name, cause};
}

supervisor_effects supervisor::on_launch_failure(actor_life who, const std::string& cause,
                                                 time_point now) {
  return on_loss(who, "could not be started: " + cause, now);
}

void supervisor::lose_restartable(actor_life who, place& where, const death& how, time_point now,
                                  supervisor_effects& out) {
  out.events.push_back(to_string(who.name) + " " + how.cause);
  where.was_fenced = how.is_fence;
  const auto found = restarts_.on_death(who.name, now);
  const bool goes_on = may_give_up(who.name, found);
  out.kills.push_back(who);
  where.state = place_state::lost;
  where.pid = 0;
  if (found.excess.empty()) {
    if (!where.lost_at) where.cause = how.cause;
    restart(who, where, now + found.wait, now);
    restart_others(who.name, now + found.wait, now, out);
  } else if (goes_on) {
    give_up(who.name, where, found.excess, out);
    cuts_.forget(who.name, now);
  }
  change_view(now, out);
  if (!found.excess.empty() && !goes_on)
    end(job_outcome::failed, fmt::format("{} {}; {}", to_string(who.name), how.cause, found.excess),
        now, out);
}

/// Whether the job can do without it.
bool supervisor::may_give_up(actor_name name, const restart_rules::verdict& found) const {
  return !found.excess.empty() && found.escalation == restart_escalation::go_on &&
         name.role == actor_role::worker &&
         places_by_role_.at(actor_role::worker) > workers_least();
}

void supervisor::give_up(actor_name name, place& where, const std::string& why,
                         supervisor_effects& out) {
  where.state = place_state::vacant; // a node may join in its place
  where.is_given_up = true;
  given_up_.push_back(to_string(name));
  const auto left = --places_by_role_[name.role];
  out.events.push_back(fmt::format("{} is given up: {}; its leases go to the other workers, of "
                                   "which {} {} left",
                                   to_string(name), why, left, left == 1 ? "is" : "are"));
  if (phase_ == job_phase::starting && is_up(name.role)) phase_ = job_phase::running;
}

std::string supervisor::describe_return(actor_life who, const place& where, time_point now) const {
  const std::chrono::duration<double> away = now - *where.lost_at;
  const bool is_known =
      places_.at({actor_role::feeder, 0}).acknowledged >= where.lost_view; // what it freed
  return fmt::format("{} {}; {}; back in {:.2f} s as incarnation {}; 0 lost", to_string(who.name),
                     where.cause,
                     is_known ? dealt_again_text(where.freed) : "its leases dealt again",
                     away.count(), who.life.value);
}

/// Its next life begins when it is due.
void supervisor::restart(actor_life who, place& where, time_point due, time_point now) {
  cuts_.on_loss(who.name, now);
  if (!where.lost_at) {
    where.lost_at = now;
    where.lost_view = options_.self.view.next();
    where.freed.clear();
  }
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
    if (where.is_guest || where.is_leaving) continue; // nobody here could start it again
    --running_[name.role];
    heartbeats_.forget(name);
    steps_.forget({name.index});
    where.was_fenced = true;
    where.cause = "was restarted along with " + to_string(dead);
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
    if (auto* where = find(who)) // else restarted along with one before it
      lose(who, *where, {heartbeats_.describe(who.name, now), true}, now, out);
  }
}

/// What they compute may be to blame, so these deaths count against their leases.
void supervisor::lose_hung(time_point now, supervisor_effects& out) {
  for (const auto& who : steps_.hung()) {
    if (phase_ >= job_phase::collecting) return;
    auto* where = find(who);
    if (where == nullptr || where->state != place_state::running) continue;
    lose(who, *where, {steps_.describe({who.name.index})}, now, out);
  }
}

void supervisor::tell_set_aside(const feeder_report& report, supervisor_effects& out) {
  for (; told_set_aside_ < report.told_set_aside.size(); ++told_set_aside_)
    out.events.push_back(set_aside_text(report.told_set_aside[told_set_aside_]));
}

} // namespace lagrange::runtime
