// How a replica takes the place of its shard, and what is done when one is gone.
#include "runtime/supervisor.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

namespace {
actor_name replica_of(actor_name shard) { return {actor_role::replica, shard.index}; }
} // namespace

/// The process of a promoted replica is known by the name that it was started with.
actor_life supervisor::resolved(actor_life process) const {
  const auto found = promoted_.find(process);
  return found == promoted_.end() ? process : found->second;
}

actor_life supervisor::process_of(actor_name name, const place& where) {
  return where.process.value_or(actor_life{name, where.life});
}

supervisor_effects supervisor::on_follows(const replica_follows& news) {
  if (news.from.job != options_.self.job || news.from.term != options_.self.term) return {};
  supervisor_effects out;
  auto* where = find(news.who);
  const auto* shard = find({news.from.name, news.from.life});
  if (where == nullptr || shard == nullptr) return out;
  where->follows = news.from.life;
  if (shard->placed_with != news.who.life)
    out.events.push_back(
        fmt::format("{} has all that {} has, which can die again with nothing lost",
                    to_string(news.who.name), to_string(news.from.name)));
  return out;
}

/// Whether a replica has all that anybody has heard of this life of the shard.
bool supervisor::may_promote(actor_life shard) const {
  const auto found = places_.find(replica_of(shard.name));
  return shard.name.role == actor_role::shard && found != places_.end() &&
         found->second.state == place_state::running && found->second.follows == shard.life;
}

/// Requires: may_promote().
void supervisor::promote(actor_life who, place& where, const death& how, time_point now,
                         supervisor_effects& out) {
  const auto name = replica_of(who.name);
  auto& heir = places_.at(name);
  out.kills.push_back(process_of(who.name, where));
  cuts_.on_loss(who.name, now);
  const auto found = restarts_.on_death(who.name, now);
  where.state = place_state::lost;
  if (!found.excess.empty())
    return end(job_outcome::failed,
               fmt::format("{} {}; {}", to_string(who.name), how.cause, found.excess), now, out);
  where.cause = how.cause;
  where.lost_at = now;
  where.life = who.life.next();
  where.process = actor_life{name, heir.life};
  where.pid = heir.pid;
  where.state = place_state::placed;
  where.due = now + options_.start_deadline;
  where.acknowledged = {};
  where.placed_with = {};
  ++where.restarts;
  promoted_[*where.process] = {who.name, where.life};
  out.promotions.emplace_back(*where.process, actor_life{who.name, where.life});
  --running_[name.role];
  heartbeats_.forget(name);
  renew(heir, now);
}

/// Another one, which its shard fills while it works.
void supervisor::renew(place& where, time_point due) {
  where.state = place_state::waiting;
  where.due = due;
  where.follows = {};
  where.pid = 0;
  where.life = where.life.next();
}

/// There is no other one: what is new since the last checkpoint would be lost with the shard.
void supervisor::use_up(actor_name name, place& where) {
  where.state = place_state::ended;
  where.follows = {};
  where.pid = 0;
  where.life = where.life.next();
  --places_by_role_[name.role];
}

std::string supervisor::describe_promotion(actor_life who, const place& where,
                                           time_point now) const {
  const std::chrono::duration<double> away = now - *where.lost_at;
  return fmt::format("{} {}; its replica goes on as incarnation {} after {:.2f} s; 0 lost",
                     to_string(who.name), where.cause, who.life.value, away.count());
}

/// A shard that comes up may have been placed with a replica that is gone by now, and there may be
/// one that it does not know.
void supervisor::check_replica(actor_name shard, const place& where,
                               supervisor_effects& out) const {
  const auto found = places_.find(replica_of(shard));
  if (found == places_.end() || found->second.life == where.placed_with) return;
  if (where.placed_with.value > 0) out.gone.push_back({found->first, where.placed_with});
  if (found->second.state == place_state::running)
    out.found.push_back({found->first, found->second.life});
}

/// To a shard that is up; others are placed with it, or hear of it when they are up.
void supervisor::offer_replica(actor_life who, supervisor_effects& out) const {
  const auto& shard = places_.at({actor_role::shard, who.name.index});
  if (shard.state == place_state::running) out.found.push_back(who);
}

/// Until its shard is placed, another one begins alike.
bool supervisor::is_replica_in_use(actor_name name) const {
  if (name.role != actor_role::replica) return false;
  const auto state = places_.at({actor_role::shard, name.index}).state;
  return state == place_state::placed || state == place_state::running;
}

void supervisor::lose_replica(actor_life who, place& where, const death& how, time_point now,
                              supervisor_effects& out) {
  const auto found = restarts_.on_death(who.name, now);
  out.events.push_back(fmt::format("{} {}; until another one has all that shard-{} has, only "
                                   "checkpoints keep it",
                                   to_string(who.name), how.cause, who.name.index));
  out.kills.push_back(who);
  out.gone.push_back(who);
  ++where.restarts;
  if (found.excess.empty()) return renew(where, now + found.wait);
  use_up(who.name, where);
  out.events.push_back(fmt::format("{} is given up: {}", to_string(who.name), found.excess));
}

} // namespace lagrange::runtime
