#include "runtime/feeder.hpp"

#include "runtime/permutation.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

worker_id worker_of(const stamp& from) { return {from.name.index}; }

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

std::uint64_t leases_per_epoch(const feeder_options& x) {
  return divide_up(x.samples, std::max(1U, x.batch));
}

} // namespace

std::uint64_t leases_of(const feeder_options& x) { return leases_per_epoch(x) * x.epochs; }

std::uint32_t epoch_of(const feeder_options& x, lease_id id) {
  return static_cast<std::uint32_t>(id.value / leases_per_epoch(x));
}

namespace {

/// Positions in the epoch's permutation, from and to.
std::pair<std::uint64_t, std::uint64_t> range_of(const feeder_options& x, const lease& what) {
  const auto begin = what.id.value % leases_per_epoch(x) * x.batch;
  const auto samples = static_cast<std::uint64_t>(x.batch) * what.batches;
  return {begin, std::min(begin + samples, x.samples)};
}

} // namespace

std::vector<std::uint32_t> samples_of(const feeder_options& x, const lease& what) {
  const auto [begin, end] = range_of(x, what);
  const permutation order(x.samples, x.seed, epoch_of(x, what.id));
  std::vector<std::uint32_t> positions;
  positions.reserve(end - begin);
  for (auto at = begin; at < end; ++at) positions.push_back(static_cast<std::uint32_t>(order(at)));
  return positions;
}

std::uint64_t sample_count(const feeder_options& x, const lease& what) {
  const auto [begin, end] = range_of(x, what);
  return end - begin;
}

std::uint32_t batches_of(const feeder_options& x, std::uint64_t samples) {
  if (x.batches_max == 1) return 1;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(divide_up(samples, x.batch), 1));
}

std::uint32_t dynamic_batches(std::uint32_t most, std::chrono::nanoseconds own_batch,
                              std::chrono::nanoseconds fastest_batch) {
  const auto share = static_cast<double>(most) * static_cast<double>(fastest_batch.count()) /
                     static_cast<double>(own_batch.count());
  return static_cast<std::uint32_t>(std::clamp(share, 1.0, static_cast<double>(most)));
}

feeder::feeder(feeder_options options)
    : options_(std::move(options)), leases_per_epoch_(leases_per_epoch(options_)),
      rule_(options_.rule), cut_(options_.cut), deaths_(options_.batch_deaths) {
  LAGRANGE_EXPECT(options_.samples > 0 && options_.batch > 0 && options_.epochs > 0,
                  "nothing to deal");
  LAGRANGE_EXPECT(options_.batches_max == 1 || (options_.batches_max > 0 && !has_rounds()),
                  "rounds of leases that differ in their batches");
  LAGRANGE_EXPECT(options_.workers > 0 && options_.shards > 0, "nobody to deal to");
  for (std::uint32_t worker = 0; worker < options_.workers; ++worker)
    workers_[{worker}].life = first_life({worker});
  counts_.from = options_.self;
  counts_.epochs = options_.epochs;
  if (options_.past) take_up(*options_.past);
  begin_round(fresh_);
}

bool feeder::is_fenced(const stamp& from) const {
  if (from.job != options_.self.job || from.term != options_.self.term ||
      from.name.role != actor_role::worker)
    return true;
  const auto known = workers_.find(worker_of(from));
  return known != workers_.end() && (from.life < known->second.life ||
                                     (from.life == known->second.life && known->second.is_dead));
}

// ---- requests -----------------------------------------------------------------------------------

feeder_effects feeder::on_request(const lease_request& request, ticket to, time_point now) {
  feeder_effects out;
  now_ = now;
  if (is_fenced(request.from)) {
    out.refused.push_back({to, {errc::fenced, "a lease request of a fenced incarnation"}});
    return out;
  }
  const auto worker = worker_of(request.from);
  auto& known = workers_[worker];
  if (request.from.life > known.life) {
    give_back(worker, known.life, false);
    held_back_.erase(worker);
    known = {request.from.life, false, false, false, known.clock, 0, {}};
  }
  if (request.sequence < known.answered) {
    out.refused.push_back({to, {errc::timed_out, "a later request was answered already"}});
    return out;
  }
  if (request.sequence == known.answered && known.answered > 0) {
    out.grants.push_back(known.last);
    out.grants.back().to = to;
    return out;
  }
  if (request.batch_time > std::chrono::nanoseconds(0)) known.batch_time = request.batch_time;
  if (request.state == standing::working) known.clock = std::max(known.clock, request.clock);
  if (request.state == standing::idle) known.is_counted = false;
  if (const auto old = parked_.find(worker); old != parked_.end())
    out.refused.push_back({old->second.to, {errc::timed_out, "a later request took its place"}});
  const auto place = parked_.insert_or_assign(worker, parked_request{request, to}).first;
  if (!again_.empty()) // of an incarnation that this request says is dead
    deal(out);
  else if (deal_to(worker, place->second, out)) // those who wait, wait for something else
    parked_.erase(place);
  return out;
}

void feeder::deal(feeder_effects& out) {
  if (has_nothing_left() && !is_finished() && held_back_.empty())
    return; // whoever is parked is idle
  for (auto at = parked_.begin(); at != parked_.end();)
    at = deal_to(at->first, at->second, out) ? parked_.erase(at) : std::next(at);
}

/// False: there is nothing for it now.
bool feeder::deal_to(worker_id worker, const parked_request& asked, feeder_effects& out) {
  const auto& [request, to] = asked;
  dealt_grant chosen;
  if (!choose(request, chosen)) return false;
  chosen.to = to;
  chosen.grant.from = options_.self;
  chosen.grant.sequence = request.sequence;
  held_back_.erase(worker);
  auto& known = workers_[worker];
  known.answered = request.sequence;
  known.is_counted =
      chosen.grant.kind != grant_kind::idle && chosen.grant.kind != grant_kind::finished;
  known.clock = std::max(known.clock, chosen.grant.clock);
  known.last = chosen;
  out.grants.push_back(std::move(chosen));
  return true;
}

/// Without rounds: every lease that may be dealt is, and none has come back. Whoever asks then has
/// to leave the clock table, or those who hold leases would wait for it.
bool feeder::has_nothing_left() const {
  return !has_rounds() && again_.empty() && (fresh_ >= lease_id{leases()} || draining_);
}

bool feeder::choose(const lease_request& request, dealt_grant& chosen) {
  auto& grant = chosen.grant;
  grant.clock = request.clock;
  if (is_finished()) {
    grant.kind = grant_kind::finished;
    return true;
  }
  if (has_nothing_left() || workers_.at(worker_of(request.from)).is_leaving) {
    grant.kind = grant_kind::idle; // asked for all who wait: the slowest is not looked for
    return request.state != standing::idle;
  }
  grant.clock = start_clock(request);
  if (is_between_rounds() && again_.empty()) return false;
  if (rule_.quorum) return choose_in_quorum(request, chosen);
  if (!has_rounds()) return choose_lease({leases()}, request, chosen);
  grant.kind = grant_kind::tick;
  if (grant.clock.value < round_) { // others did whole rounds without it, and its pulls wait for
    grant.clock = {round_ - 1};     // its own clock as well: that catches up first
    return true;
  }
  if (choose_lease(round_end_, request, chosen)) return true;
  return grant.clock.value <= round_ && request.state != standing::idle;
}

bool feeder::choose_lease(lease_id end, const lease_request& request, dealt_grant& chosen) {
  lease_id id;
  if (computes_suspect(worker_of(request.from))) {
    held_back_.insert(worker_of(request.from));
    return false;
  }
  if (const auto again = choose_again(request)) {
    id = *again;
    again_.erase(id);
    ++counts_.dealt_again;
  } else if (fresh_ < end) {
    id = fresh_;
    const auto& fresh = open_[id].what = describe(id, worker_of(request.from));
    fresh_.value += fresh.batches;
    ++counts_.issued;
  } else {
    return false;
  }
  auto& opened = open_[id];
  opened.what.attempt = opened.what.attempt.next();
  opened.what.cut = has_rounds() ? round_cut_ : cut_;
  opened.holder = worker_of(request.from);
  opened.life = request.from.life;
  deadlines_.on_deal(id, opened.holder, now_);
  const bool is_set_aside = deaths_.is_set_aside(id);
  chosen.grant.kind = is_set_aside ? grant_kind::discard : grant_kind::batch;
  chosen.grant.what = opened.what;
  if (has_rounds()) chosen.grant.clock = {round_};
  if (!is_set_aside) chosen.samples = samples_of(options_, opened.what);
  return true;
}

worker_clock feeder::start_clock(const lease_request& request) const {
  if (request.state == standing::working) return request.clock;
  const bool is_joining = request.state == standing::joining;
  const auto worker = worker_of(request.from);
  const bool is_first =
      is_joining && worker.value < options_.workers && request.from.life <= first_life(worker);
  if (is_first && !options_.past) return {0}; // where every shard has put it
  if (has_rounds()) return {round_};
  if (is_first) return options_.past->clock;
  std::optional<worker_clock> slowest;
  for (const auto& [other, known] : workers_)
    if (known.is_counted && other != worker)
      slowest = std::min(slowest.value_or(known.clock), known.clock);
  if (is_joining) return slowest.value_or(workers_.at(worker).clock.next());
  const auto unused = request.clock.next(); // above every pull it sent before it left
  return std::max(slowest.value_or(unused), unused);
}

// ---- what a lease is ----------------------------------------------------------------------------

/// The last round of an epoch is short.
void feeder::begin_round(lease_id first) {
  round_begin_ = first;
  round_cut_ = cut_;
  round_end_ = {std::min(first.value + rule_.round_size, end_of_epoch(first).value)};
}

lease_id feeder::end_of_epoch(lease_id id) const {
  return {(id.value / leases_per_epoch_ + 1) * leases_per_epoch_};
}

/// The fastest of the workers that live, and of which it is known, gets all; so does one of which
/// nothing is known. No lease goes beyond its epoch.
std::uint32_t feeder::batches_for(worker_id worker, lease_id first) const {
  if (options_.batches_max == 1) return 1;
  const auto own = workers_.at(worker).batch_time;
  auto fastest = own;
  for (const auto& [other, known] : workers_)
    if (!known.is_dead && known.batch_time.count() > 0)
      fastest = std::min(fastest, known.batch_time);
  const auto batches =
      own.count() > 0 ? dynamic_batches(options_.batches_max, own, fastest) : options_.batches_max;
  const auto rest = end_of_epoch(first).value - first.value;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(batches, rest));
}

lease feeder::describe(lease_id id, worker_id to) const {
  lease what;
  what.id = id;
  what.attempt = attempt_before(options_.self.term);
  what.epoch = epoch_of(options_, id);
  what.batches = batches_for(to, id);
  if (has_rounds()) {
    what.round = round_;
    what.round_size = rule_.quorum
                          ? rule_.round_size
                          : static_cast<std::uint32_t>(round_end_.value - round_begin_.value);
  }
  return what;
}

// ---- how leases end, and begin again ------------------------------------------------------------

feeder_effects feeder::on_settlement(const settlement& settled, time_point now) {
  feeder_effects out;
  if (settled.from.job != options_.self.job || settled.from.term != options_.self.term ||
      settled.from.name.role != actor_role::shard || settled.from.name.index >= options_.shards)
    return out;
  now_ = now;
  for (const auto& entry : settled.leases) {
    const auto open = open_.find(entry.what);
    if (open == open_.end()) continue;
    if (entry.outcome == lease_outcome::kept) {
      note_kept(entry.what, {settled.from.name.index});
      continue;
    }
    open->second.settled.insert({settled.from.name.index});
    open->second.is_applied |= entry.outcome == lease_outcome::applied;
    open->second.is_set_aside |= entry.outcome == lease_outcome::set_aside;
    if (open->second.settled.size() < options_.shards) continue;
    const auto what = open->second.what;
    if (open->second.is_applied) {
      ++counts_.applied;
      counts_.samples += sample_count(options_, what);
    } else {
      ++counts_.dropped;
      counts_.set_aside += open->second.is_set_aside ? 1 : 0;
    }
    deaths_.forget(entry.what);
    deadlines_.on_settled(entry.what, now);
    closed_.insert(what.id, what.batches);
    again_.erase(entry.what);
    open_.erase(open);
  }
  open_next_rounds();
  deal(out);
  close_round_if_due(now, out);
  note_if_drained(out);
  return out;
}

void feeder::open_next_rounds() {
  if (!has_rounds()) return;
  if (rule_.quorum) {
    if (!is_closed_ || !open_.empty()) return;
    ++round_;
    round_cut_ = cut_;
    is_closed_ = false;
    served_.clear();
    arrived_.clear();
    due_.reset();
    return;
  }
  if (fresh_ != round_end_ || !open_.empty() || is_finished()) return;
  ++round_;
  begin_round(fresh_);
}

feeder_effects feeder::on_view(const membership_view& view, time_point now) {
  feeder_effects out;
  if (view.from.job != options_.self.job || view.from.term != options_.self.term ||
      view.from.view <= view_)
    return out;
  now_ = now;
  view_ = view.from.view;
  for (const auto& member : view.members) {
    auto& known = workers_[member.worker];
    if (member.life < known.life) continue;
    known.is_leaving |= member.is_leaving && member.life == known.life;
    const bool is_news = member.life > known.life || (!member.live && !known.is_dead);
    if (!is_news) continue;
    give_back(member.worker, member.live ? known.life : member.life, member.was_fenced);
    if (const auto waiting = parked_.find(member.worker); waiting != parked_.end()) {
      out.refused.push_back({waiting->second.to, {errc::fenced, "the worker was declared dead"}});
      parked_.erase(waiting);
    }
    held_back_.erase(member.worker);
    known = {member.life, !member.live, member.is_leaving, false, known.clock, 0, {}};
  }
  given_back_by_view_ = std::exchange(given_back_, {});
  deal(out);
  close_round_if_due(now, out);
  return out;
}

void feeder::on_cut(const cut_order& order) {
  if (order.from.job == options_.self.job && order.from.term == options_.self.term)
    cut_ = std::max(cut_, order.cut);
}

std::uint32_t feeder::epochs_finished() const {
  return static_cast<std::uint32_t>(closed_.watermark().value / leases_per_epoch_);
}

feeder_report feeder::report() const {
  auto counts = counts_;
  counts.closed = closed_.size();
  counts.epoch = epochs_finished();
  counts.finished = is_finished();
  counts.drained = drained();
  counts.cut = cut_;
  return counts;
}

} // namespace lagrange::runtime
