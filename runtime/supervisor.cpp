#include "runtime/supervisor.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

namespace {

constexpr std::array<std::string_view, 8> state_names{
    "waiting", "starting", "starting", "starting", "running", "restarting", "done", "vacant"};
/// A view that a shard or the feeder has not acknowledged by then is sent again.
constexpr std::chrono::milliseconds view_deadline{1'000};

} // namespace

supervisor::supervisor(supervisor_options options, time_point now)
    : options_(std::move(options)), progress_(options_.job, now), switch_(options_.job.shards),
      rules_(options_.switches), diagnosis_(options_.learning), heartbeats_(options_.silence),
      steps_(options_.steps), restarts_(options_.restart), cuts_(options_.cuts),
      adoption_(options_.adoption) {
  LAGRANGE_EXPECT(options_.job.workers > 0 && options_.job.shards > 0, "a job without actors");
  const auto add = [this](actor_role role, std::uint32_t count) {
    places_by_role_[role] = count;
    for (std::uint32_t index = 0; index < count; ++index) {
      const auto first = options_.lives.find({role, index});
      places_[{role, index}].life = first == options_.lives.end() ? incarnation{1} : first->second;
    }
  };
  add(actor_role::feeder, 1);
  add(actor_role::shard, options_.job.shards);
  add(actor_role::worker, options_.job.workers);
  if (options_.job.replicas > 0) add(actor_role::replica, options_.job.shards);
  // Every worker's first incarnation, live: shards and feeder start with it.
  options_.self.view = first_view(options_.adoption.command);
  add_vacant(now);
}

supervisor_effects supervisor::start(time_point now) {
  supervisor_effects out;
  if (adoption_.is_wanted()) {
    phase_ = job_phase::adopting;
    adoption_.begin(now);
    return out;
  }
  for (auto& [name, where] : places_)
    if (where.state != place_state::vacant) launch(name, where, now, out);
  return out;
}

void supervisor::launch(actor_name name, place& where, time_point now, supervisor_effects& out) {
  where.state = place_state::starting;
  where.due = now + options_.start_deadline;
  out.launches.push_back({name, where.life});
}

supervisor::place* supervisor::find(actor_life who) {
  const auto found = places_.find(who.name);
  return found != places_.end() && found->second.life == who.life ? &found->second : nullptr;
}

// ---- coming up ----------------------------------------------------------------------------------

supervisor_effects supervisor::on_join(actor_life who, std::int64_t pid, time_point) {
  supervisor_effects out;
  auto* where = find(who);
  if (where == nullptr || where->state != place_state::starting || phase_ >= job_phase::collecting)
    return out;
  where->state = place_state::joined;
  where->pid = pid;
  place_if_possible(who.name, *where, out);
  return out;
}

/// With thousands of places nothing may look at all of them for each.
bool supervisor::is_up(actor_role role) const {
  if (!places_by_role_.contains(role)) return true; // a job without replicas
  const auto running = running_.find(role);
  if (running == running_.end()) return places_by_role_.at(role) == 0;
  return running->second == places_by_role_.at(role);
}

void supervisor::place_if_possible(actor_name name, place& where, supervisor_effects& out) {
  const auto needed = name.role == actor_role::worker  ? actor_role::shard
                      : name.role == actor_role::shard ? actor_role::replica
                                                       : actor_role::feeder;
  const bool may = name.role == actor_role::feeder || (is_up(actor_role::feeder) && is_up(needed));
  if (where.state != place_state::joined || !may) return;
  where.state = place_state::placed;
  if (const auto replica = places_.find({actor_role::replica, name.index});
      name.role == actor_role::shard && replica != places_.end())
    where.placed_with = replica->second.life;
  out.placements.push_back({name, where.life});
}

supervisor_effects supervisor::on_ready(actor_life who, time_point now) {
  supervisor_effects out;
  auto* where = find(who);
  if (where == nullptr || where->state != place_state::placed) return out;
  where->state = place_state::running;
  ++running_[who.name.role];
  heartbeats_.observe(who, now);
  if (where->is_guest) {
    welcome(who, *where, now, out);
  } else if (where->lost_at) {
    const bool is_shard = who.name.role == actor_role::shard;
    out.events.push_back(is_shard ? describe_promotion(who, *where, now)
                                  : describe_return(who, *where, now));
    if (is_shard) progress_.on_promotion(now - *where->lost_at);
    where->lost_at.reset();
    change_view(now, out);
  }
  if (who.name.role == actor_role::shard) check_replica(who.name, *where, out);
  if (who.name.role == actor_role::replica) offer_replica(who, out);
  if (who.name.role != actor_role::worker && is_up(who.name.role)) // others connect to it
    for (auto& [name, other] : places_) place_if_possible(name, other, out);
  if (phase_ == job_phase::starting && is_up(actor_role::worker)) phase_ = job_phase::running;
  if (phase_ == job_phase::adopting) go_on_adopting(now, out);
  return out;
}

// ---- views --------------------------------------------------------------------------------------

membership_view supervisor::view() const {
  membership_view made{options_.self, {}};
  for (const auto& [name, where] : places_) {
    if (name.role != actor_role::worker || !where.was_lived) continue;
    // While a worker waits for its restart, or a node comes up that joined, its next life is known
    // but nobody lives it yet; what the others must know is that the life before is dead.
    const bool is_coming = where.is_guest && where.state < place_state::running;
    const bool is_between =
        is_coming || (where.state == place_state::waiting && where.restarts > 0);
    const bool is_dead = where.state == place_state::lost || where.state >= place_state::ended;
    made.members.push_back({worker_id{name.index},
                            is_between ? incarnation{where.life.value - 1} : where.life,
                            !is_between && !is_dead, where.was_fenced, where.is_leaving});
  }
  return made;
}

void supervisor::change_view(time_point now, supervisor_effects& out) {
  options_.self.view = options_.self.view.next();
  view_sent_ = now;
  out.view = view();
}

void supervisor::on_view_ack(const view_ack& ack) {
  if (auto* where = find({ack.from.name, ack.from.life}))
    where->acknowledged = std::max(where->acknowledged, ack.from.view);
  for (const auto& each : ack.freed)
    if (const auto found = places_.find({actor_role::worker, each.worker.value});
        found != places_.end() && each.life < found->second.life)
      found->second.freed = each.leases;
}

bool supervisor::is_view_missed() const {
  return std::any_of(places_.begin(), places_.end(), [this](const auto& entry) {
    return (entry.first.role == actor_role::shard || entry.first.role == actor_role::feeder) &&
           entry.second.state == place_state::running &&
           entry.second.acknowledged < options_.self.view;
  });
}

void supervisor::end(job_outcome outcome, const std::string& cause, time_point now,
                     supervisor_effects& out) {
  if (phase_ >= job_phase::ending) return;
  phase_ = job_phase::ending;
  outcome_ = outcome;
  cause_ = cause;
  end_by_ = now + options_.end_deadline;
  for (auto& [name, where] : places_)
    if (where.state == place_state::waiting || where.state == place_state::lost)
      where.state = place_state::ended;
  for (const auto& who : std::exchange(out.launches, {})) // not even started
    places_.at(who.name).state = place_state::ended;
  out.wants_nodes_ended = true;
  note_if_all_ended();
}

void supervisor::note_if_all_ended() {
  const bool all = std::all_of(places_.begin(), places_.end(), [](const auto& entry) {
    return entry.second.state >= place_state::ended;
  });
  if (all && phase_ == job_phase::ending) phase_ = job_phase::ended;
}

// ---- reports ------------------------------------------------------------------------------------

void supervisor::hear(const stamp& from, time_point now) {
  const actor_life who{from.name, from.life};
  if (const auto* where = find(who); where != nullptr && where->state == place_state::running)
    heartbeats_.observe(who, now);
}

supervisor_effects supervisor::on_report(const worker_report& report, time_point now) {
  supervisor_effects out;
  hear(report.from, now);
  if (auto* where = find({report.from.name, report.from.life})) {
    steps_.observe(report, now);
    where->unsent = report.unsent;
  }
  progress_.on_report(report, now);
  rules_.on_report(report);
  for (const auto& advice : diagnosis_.on_report(report)) out.events.push_back("advice: " + advice);
  return out;
}

supervisor_effects supervisor::on_report(const shard_report& report, time_point now) {
  hear(report.from, now);
  if (report.from.name.role != actor_role::shard) return {}; // a replica's are those of its shard
  progress_.on_report(report);
  diagnosis_.on_report(report);
  return {};
}

supervisor_effects supervisor::on_report(const feeder_report& report, time_point now) {
  supervisor_effects out;
  hear(report.from, now);
  progress_.on_report(report, now);
  tell_set_aside(report, out);
  finish_drains(report, now, out);
  cuts_.go_on_after(report.cut);
  adoption_.hear_feeder();
  if (phase_ >= job_phase::collecting || phase_ == job_phase::adopting) return out;
  if (report.finished) {
    phase_ = job_phase::collecting;
    end_by_ = now + options_.end_deadline;
    out.wants_figures = true;
  } else if (options_.evaluate_every > 0) {
    const auto passed = passed_of(report);
    const auto due = passed - passed % options_.evaluate_every;
    if (!evaluated_) evaluated_ = options_.self.term.value > 1 ? due : 0; // a term before saw to it
    out.wants_evaluation = due > *evaluated_;
    evaluated_ = std::max(*evaluated_, due);
  }
  return out;
}

/// Units: thousandths of an epoch. Whole epochs count once every lease of theirs is closed.
std::uint64_t supervisor::passed_of(const feeder_report& report) const {
  if (options_.evaluate_every % 1000 == 0) return report.epoch * std::uint64_t{1000};
  return report.closed * 1000 * options_.job.epochs /
         std::max<std::uint64_t>(options_.job.leases, 1);
}

supervisor_effects supervisor::on_evaluation(const ops::scores& found, double epoch,
                                             time_point now) {
  supervisor_effects out;
  progress_.on_evaluation(found, now);
  if (found.samples > 0)
    out.events.push_back(
        fmt::format("epoch {:g}: test accuracy {:.4f}, loss {:.4f}", epoch,
                    static_cast<double>(found.correct) / static_cast<double>(found.samples),
                    found.loss_sum / static_cast<double>(found.samples)));
  return out;
}

void supervisor::on_parameters(time_point now) {
  if (phase_ == job_phase::collecting) end_by_ = now + options_.end_deadline;
}

supervisor_effects supervisor::on_figures(time_point now) {
  supervisor_effects out;
  if (phase_ == job_phase::collecting) end(job_outcome::done, {}, now, out);
  return out;
}

supervisor_effects supervisor::on_failure(const std::string& cause, time_point now) {
  supervisor_effects out;
  end(job_outcome::failed, cause, now, out);
  return out;
}

supervisor_effects supervisor::on_tick(time_point now) {
  supervisor_effects out;
  heartbeats_.on_tick(now);
  if (phase_ == job_phase::ending && now >= end_by_) phase_ = job_phase::ended;
  if (phase_ == job_phase::collecting && now >= end_by_)
    end(job_outcome::failed, "the shards did not hand over their parameters at the end", now, out);
  if (phase_ == job_phase::adopting) go_on_adopting(now, out);
  if (phase_ >= job_phase::collecting || phase_ == job_phase::adopting) return out;
  if (options_.self.view > first_view(options_.adoption.command) &&
      now - view_sent_ >= view_deadline && is_view_missed()) {
    view_sent_ = now;
    out.view = view();
  }
  for (const auto& policy : rules_.take_due(progress_.leases().samples)) switch_.ask(policy);
  go_on_switching(now, out);
  go_on_cutting(now, out);
  for (auto& [name, where] : places_) {
    if (now < where.due || phase_ >= job_phase::collecting) continue;
    if (where.state == place_state::waiting)
      launch(name, where, now, out);
    else if (where.state == place_state::starting || where.state == place_state::joined ||
             where.state == place_state::placed)
      lose({name, where.life}, where, {"did not come up in time"}, now, out);
  }
  lose_silent(now, out);
  lose_hung(now, out);
  lose_doubted(now, out);
  return out;
}

// ---- the policy ---------------------------------------------------------------------------------

switch_receipt supervisor::on_switch_request(const switch_request& wish, time_point now,
                                             supervisor_effects& out) {
  if (options_.find_policy == nullptr) return {0, "this job keeps its policy"};
  if (phase_ != job_phase::running)
    return {0, phase_ == job_phase::starting ? "the job is still starting" : "the job is ending"};
  const auto number = switch_.ask(wish.policy);
  if (number == 0) return {0, "too many switches of the policy are waiting for each other"};
  go_on_switching(now, out);
  return {number, {}};
}

supervisor_effects supervisor::on_switch_ack(const switch_ack& ack, time_point now) {
  supervisor_effects out;
  if (ack.from.job != options_.self.job || ack.from.term != options_.self.term) return out;
  switch_.on_ack(ack);
  if (const auto done = switch_.take_done()) {
    progress_.on_switch(done->policy, done->first, now);
    if (const auto policy = options_.find_policy(done->policy); policy)
      diagnosis_.on_switch(done->policy, *policy.value());
    out.events.push_back(fmt::format("the policy is {} from clock {} on ({} samples)", done->policy,
                                     done->first.value, progress_.leases().samples));
  }
  go_on_switching(now, out);
  return out;
}

void supervisor::go_on_switching(time_point now, supervisor_effects& out) {
  if (phase_ != job_phase::running) return; // shards and feeder are up
  if (cuts_.is_making()) return; // of which some shards would hold the old policy, some the new
  out.order = switch_.next(now);
  if (out.order) out.order->from = options_.self;
}

job_status supervisor::status(time_point now) const {
  auto status = progress_.status(now);
  for (const auto& [name, where] : places_) {
    if (!where.was_lived && where.state == place_state::vacant) continue;
    actor_status row;
    row.name = name;
    row.life = where.life;
    row.pid = where.pid;
    row.restarts = where.restarts;
    row.state = state_names[static_cast<std::size_t>(where.state)];
    if (where.restarts > 0 && where.state < place_state::running) row.state = "restarting";
    if (where.is_leaving && where.state == place_state::running) row.state = "draining";
    if (where.is_given_up && where.state == place_state::vacant) row.state = "lost";
    progress_.complete(row);
    status.actors.push_back(std::move(row));
  }
  return status;
}

summary supervisor::summarise() const {
  auto made = progress_.summarise();
  constexpr std::array<std::string_view, 3> names{"done", "failed", "interrupted"};
  made.outcome = names[static_cast<std::size_t>(outcome_)];
  made.advice = diagnosis_.given();
  for (const auto& [name, where] : places_)
    if (std::ranges::find(given_up_, to_string(name)) != given_up_.end())
      made.given_up.push_back(to_string(name));
  made.joined = came_;
  made.left = went_;
  return made;
}

} // namespace lagrange::runtime
