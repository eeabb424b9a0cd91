// Workers that come and go while the job runs: nodes that join by themselves, and drains.
#include "runtime/loss_words.hpp"
#include "runtime/supervisor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace lagrange::runtime {

namespace {

/// A guest that lost its link to an actor that is still there after this is cut off itself.
constexpr std::chrono::milliseconds doubt_grace{2'000};
/// So many lives that are over are remembered for their nodes.
constexpr std::size_t farewells_max = 256;

std::string workers_text(std::uint32_t count) {
  return fmt::format("{} worker{}", count, count == 1 ? " is" : "s are");
}

/// CO-1: what a worker that goes for good takes along.
std::string unsent_text(double norm) {
  if (norm < 0) return {};
  return fmt::format("; what its codec had not sent, of norm {:.4g} when it last told, is lost",
                     norm);
}

} // namespace

/// Those that the job does not begin with are known to nobody before somebody lives there.
void supervisor::add_vacant(time_point now) {
  for (auto index = options_.job.workers; index < options_.places; ++index) {
    const actor_name name{actor_role::worker, index};
    auto& where = places_[name];
    const auto first = options_.lives.find(name);
    where.life = first == options_.lives.end() ? incarnation{1} : first->second;
    where.state = place_state::vacant;
    where.was_lived = false;
  }
  for (const auto worker : options_.vacant) {
    const auto found = places_.find({actor_role::worker, worker.value});
    if (found == places_.end() || found->second.state == place_state::vacant) continue;
    found->second.state = place_state::vacant;
    --places_by_role_[actor_role::worker];
    cuts_.forget(found->first, now);
    options_.self.view = options_.self.view.next(); // the shards begin with all of them
    view_sent_ = now;
  }
}

std::set<worker_id> supervisor::vacant() const {
  std::set<worker_id> found;
  for (const auto& [name, where] : places_)
    if (name.role == actor_role::worker && name.index < options_.job.workers &&
        !where.is_given_up &&
        (where.state == place_state::vacant || where.is_guest || where.is_leaving))
      found.insert({name.index});
  // Guests do not follow into the next term: with all of the job's own drained nobody would begin.
  while (!found.empty() && options_.job.workers - found.size() < workers_least())
    found.erase(found.begin());
  return found;
}

// ---- coming -------------------------------------------------------------------------------------

join_answer supervisor::on_join_request(const join_request& wish, time_point now,
                                        supervisor_effects& out) {
  if (phase_ >= job_phase::collecting || stop_by_)
    return {{}, "the job is over, or about to be; join another"};
  if (!options_.build.empty() && wish.build != options_.build)
    return {{},
            fmt::format("it is another program, of build {}, expected build {} as everywhere in "
                        "the job: start the same program there",
                        wish.build, options_.build)};
  const auto found = std::ranges::find_if(
      places_, [](const auto& each) { return each.second.state == place_state::vacant; });
  if (found == places_.end())
    return {{},
            fmt::format("all {} places for workers are taken (topology.max_workers = {}); drain "
                        "one, or run the job with more",
                        std::max(options_.places, options_.job.workers),
                        std::max(options_.places, options_.job.workers))};
  auto& [name, where] = *found;
  const auto life = where.was_lived || where.is_guest ? where.life.next() : where.life;
  const bool was_lived = where.was_lived;
  where = {};
  where.life = life;
  where.was_lived = was_lived;
  where.is_guest = true;
  where.pid = wish.pid;
  where.state = place_state::starting;
  where.due = now + options_.start_deadline;
  guests_.insert({name, life});
  out.events.push_back(fmt::format("a node asks to join, and becomes {}", to_string(name)));
  return {{name, life}, {}};
}

/// It is up: from now on the others know of it.
void supervisor::welcome(actor_life who, place& where, time_point now, supervisor_effects& out) {
  where.was_lived = true;
  came_.push_back(to_string(who.name));
  const auto count = ++places_by_role_[actor_role::worker];
  out.events.push_back(fmt::format("{} joined as incarnation {}: {} there now", to_string(who.name),
                                   who.life.value, workers_text(count)));
  change_view(now, out);
}

membership_answer supervisor::on_question(const membership_question& asked) const {
  if (phase_ >= job_phase::ending) return {false, true, "is not needed any more: the job is over"};
  const auto at = places_.find(asked.who.name);
  if (at != places_.end() && at->second.life == asked.who.life &&
      at->second.state < place_state::lost && at->second.state != place_state::waiting)
    return {};
  const auto found = left_.find(asked.who);
  if (found == left_.end()) return {false, false, "is not known to the job"};
  return {false, found->second.starts_with("was drained"), found->second};
}

// ---- going --------------------------------------------------------------------------------------

/// The place is free for whoever joins next.
void supervisor::vacate(actor_name name, place& where, time_point now,
                        const std::string& farewell) {
  if (left_.size() >= farewells_max) left_.erase(left_.begin());
  left_[{name, where.life}] = farewell;
  if (where.was_lived) --places_by_role_[actor_role::worker];
  where.state = place_state::vacant;
  where.pid = 0;
  where.is_leaving = false;
  where.doubt.reset();
  cuts_.forget(name, now);
  went_.push_back(to_string(name));
}

/// A guest, whose process only its own host can start again, or one that was leaving anyway.
void supervisor::lose_for_good(actor_life who, place& where, const death& how, time_point now,
                               supervisor_effects& out) {
  const bool was_up = where.state == place_state::running;
  const bool was_leaving = where.is_leaving;
  where.was_fenced = how.is_fence;
  if (where.is_guest && !was_up) { // nobody knows of it yet
    out.events.push_back(
        fmt::format("{}, which was about to join, {}", to_string(who.name), how.cause));
    left_[who] = how.cause;
    where.state = place_state::vacant;
    where.was_lived |= where.life.value > 1;
    out.kills.push_back(who);
    return;
  }
  vacate(who.name, where, now, how.cause);
  const auto left = places_by_role_[actor_role::worker];
  out.events.push_back(fmt::format(
      "{} {}; {}, and its place is vacant; its leases are dealt again, and {} left{}",
      to_string(who.name), how.cause,
      was_leaving ? "it was being drained" : "it had joined, so nobody here starts it again",
      workers_text(left), unsent_text(where.unsent)));
  out.kills.push_back(who);
  change_view(now, out);
  if (left < workers_least())
    end(job_outcome::failed,
        fmt::format("{} {}; with it gone fewer than topology.min_workers = {} are left",
                    to_string(who.name), how.cause, workers_least()),
        now, out);
}

supervisor_effects supervisor::on_link_loss(actor_life who, const std::string& cause, actor_life by,
                                            time_point now) {
  if (!guests_.contains(by)) return on_loss(who, cause, now);
  // Of a cut between a guest and the rest the guest is told; but its peer may have died after all.
  if (auto* where = find(by); where != nullptr && !where->doubt) where->doubt = {who, now};
  return {};
}

void supervisor::lose_doubted(time_point now, supervisor_effects& out) {
  for (auto& [name, where] : places_) {
    if (phase_ >= job_phase::collecting) return;
    if (!where.doubt || now - where.doubt->second < doubt_grace) continue;
    const auto [peer, since] = *std::exchange(where.doubt, std::nullopt);
    const auto* other = find(resolved(peer));
    if (other != nullptr && other->state == place_state::running)
      lose({name, where.life}, where, {"lost its link to " + to_string(peer.name), true}, now, out);
  }
}

drain_receipt supervisor::on_drain_request(const drain_request& wish, time_point now,
                                           supervisor_effects& out) {
  const auto name = to_string(wish.who);
  std::vector<std::string> there;
  for (const auto& [other, where] : places_)
    if (other.role == actor_role::worker && where.state < place_state::lost && where.was_lived)
      there.push_back(to_string(other));
  const auto refuse = [](std::string why) { return drain_receipt{{}, std::move(why)}; };
  if (phase_ != job_phase::running)
    return refuse(phase_ == job_phase::starting ? "the job is still starting"
                                                : "the job is ending anyway");
  if (wish.who.role != actor_role::worker)
    return refuse(fmt::format("{} is no worker, and only workers can be drained: {}", name,
                              fmt::join(there, ", ")));
  const auto found = places_.find(wish.who);
  if (found == places_.end() || found->second.state >= place_state::lost)
    return refuse(fmt::format("there is no {}, expected one of {}", name, fmt::join(there, ", ")));
  auto& where = found->second;
  if (where.is_leaving) return refuse(fmt::format("{} is being drained already", name));
  if (where.state != place_state::running)
    return refuse(fmt::format("{} is just being started; try again once it runs", name));
  const auto leaving = static_cast<std::uint32_t>(
      std::ranges::count_if(places_, [](const auto& each) { return each.second.is_leaving; }));
  const auto stay = places_by_role_[actor_role::worker] - leaving - 1;
  if (stay < workers_least())
    return refuse(fmt::format("without {} the job would have {}, expected at least {} "
                              "(topology.min_workers)",
                              name, stay, workers_least()));
  where.is_leaving = true;
  out.events.push_back(name + " is being drained: it finishes what it holds, and gets no lease");
  change_view(now, out);
  return {{wish.who, where.life}, {}};
}

void supervisor::finish_drains(const feeder_report& report, time_point now,
                               supervisor_effects& out) {
  for (const auto& who : report.drained) {
    auto* where = find(who);
    if (where == nullptr || !where->is_leaving || phase_ >= job_phase::collecting) continue;
    if (where->state == place_state::running) --running_[actor_role::worker];
    heartbeats_.forget(who.name);
    steps_.forget({who.name.index});
    vacate(who.name, *where, now, "was drained");
    out.farewells.push_back(who);
    out.events.push_back(fmt::format("{} was drained: nothing of it is open, its place is vacant, "
                                     "and {} left{}",
                                     to_string(who.name),
                                     workers_text(places_by_role_[actor_role::worker]),
                                     unsent_text(where->unsent)));
    change_view(now, out);
  }
}

} // namespace lagrange::runtime
