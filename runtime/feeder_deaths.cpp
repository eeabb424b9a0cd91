// What the death of a worker means for the leases that it held, or that it is late: they are dealt
// again, and one that workers keep dying with is set aside.
#include "runtime/feeder.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

/// So many are told of in detail, so that reports stay small; all are counted.
constexpr std::size_t told_max = 64;

} // namespace

void feeder::give_back(worker_id worker, incarnation up_to, bool was_fenced) {
  given_back told{worker, up_to, {}};
  const auto suspects = was_fenced ? std::vector<lease_id>() : suspects_of(worker, up_to);
  for (const auto& [id, open] : open_) {
    if (open.holder != worker || open.life > up_to || arrived_.contains(id) || is_closed_) continue;
    if (!again_.insert(id).second) continue; // given back before
    told.leases.push_back(id);
    deadlines_.forget(id);
    if (std::ranges::binary_search(suspects, id) && !deaths_.is_set_aside(id) &&
        deaths_.note(id, {{actor_role::worker, worker.value}, open.life}))
      set_aside(open.what);
  }
  if (!told.leases.empty()) given_back_.push_back(std::move(told));
}

/// What it may have computed when it died, by id. A lease that a shard has settled was computed;
/// so was one of a round, if its worker has asked for another: it asks when it has pushed.
std::vector<lease_id> feeder::suspects_of(worker_id worker, incarnation up_to) const {
  const auto& known = workers_.at(worker);
  const bool has_asked = parked_.contains(worker);
  std::vector<lease_id> found;
  for (const auto& [id, open] : open_) {
    if (open.holder != worker || open.life > up_to || !open.settled.empty()) continue;
    const bool is_of_round = open.what.round_size > 0;
    if (is_of_round && (has_asked || known.last.grant.what.id != id)) continue;
    found.push_back(id);
  }
  return found;
}

void feeder::set_aside(const lease& what) {
  if (counts_.told_set_aside.size() < told_max)
    counts_.told_set_aside.push_back(
        {what.id, what.epoch, samples_of(options_, what), deaths_.of(what.id)});
}

/// An idle worker has left every shard's clock table, and so every push of its is settled; but who
/// keeps one for a round may yet leave it out.
std::vector<actor_life> feeder::drained() const {
  std::vector<actor_life> found;
  for (const auto& [worker, known] : workers_) {
    if (!known.is_leaving || known.is_dead) continue;
    const auto asks = parked_.find(worker);
    if (asks == parked_.end() || asks->second.request.state != standing::idle) continue;
    const bool holds = std::ranges::any_of(open_, [&, worker = worker](const auto& each) {
      const auto& [id, open] = each;
      return open.holder == worker && open.life == asks->second.request.from.life &&
             !again_.contains(id);
    });
    if (!holds) found.push_back({{actor_role::worker, worker.value}, known.life});
  }
  return found;
}

/// One that is only late is not dealt to who has it.
std::optional<lease_id> feeder::choose_again(const lease_request& request) const {
  const worker_id worker{request.from.name.index};
  const auto found = std::ranges::find_if(again_, [&](lease_id id) {
    const auto& open = open_.at(id);
    return open.holder != worker || open.life != request.from.life;
  });
  return found == again_.end() ? std::nullopt : std::optional(*found);
}

feeder_effects feeder::on_tick(time_point now) {
  feeder_effects out;
  now_ = now;
  if (!rule_.deals_overdue || is_closed_) return out;
  for (const auto id : deadlines_.overdue(now)) {
    deadlines_.forget(id);
    if (!arrived_.contains(id)) again_.insert(id);
  }
  if (again_.empty()) return out;
  deal(out);
  close_round_if_due(now, out);
  return out;
}

/// Whoever computes a suspect is dealt nothing else until that is settled, so that it dies with
/// that alone. Of rounds a worker computes one lease at a time anyway.
bool feeder::computes_suspect(worker_id worker) const {
  return !deaths_.empty() && std::ranges::any_of(open_, [&](const auto& each) {
    const auto& [id, open] = each;
    return open.holder == worker && open.what.round_size == 0 && !again_.contains(id) &&
           deaths_.is_suspect(id) && !deaths_.is_set_aside(id);
  });
}

} // namespace lagrange::runtime
