#include "runtime/shard.hpp"

#include "runtime/permutation.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lagrange::runtime {

namespace {

/// Bins of the staleness histogram; the last one holds all above. Every worker makes about one
/// update between a worker's read and its push, a slow one's faster peers make several.
std::size_t staleness_bins(std::uint32_t workers) {
  return std::clamp<std::size_t>(std::size_t{4} * workers, 256, 65'536);
}
/// Frames of one push; more would mean frames of a few bytes (BP-1).
constexpr std::uint32_t frames_max = 1 << 16;

worker_id worker_of(const stamp& from) { return {from.name.index}; }

std::string describe(const stamp& from) {
  return to_string(from.name) + " incarnation " + to_string(from.life);
}

} // namespace

shard::shard(shard_options options)
    : options_(std::move(options)), seed_(options_.parameters.seed), clocks_(options_.workers),
      parameters_(std::move(options_.parameters)), cut_(options_.cut) {
  LAGRANGE_EXPECT(options_.policy != nullptr, "a shard without policy");
  rule(std::move(options_.policy), {});
  counts_.staleness.assign(staleness_bins(options_.room()), 0);
  counts_.staleness_recent.assign(options_.room(), 0);
  counts_.lag_recent.assign(options_.room(), 0);
  if (const auto from = std::exchange(options_.restored, nullptr)) restore(*from);
}

bool shard::is_foreign(const stamp& from) const {
  return from.job != options_.self.job || from.term != options_.self.term ||
         from.name.role != actor_role::worker;
}

// ---- pulls --------------------------------------------------------------------------------------

shard_effects shard::on_pull(const pull_request& pull, ticket to, time_point now) {
  shard_effects out;
  const auto refuse = [&](errc code, const std::string& what) {
    out.refused.push_back({to, {code, "a pull of " + describe(pull.from) + " " + what}});
    return std::move(out);
  };
  const auto worker = worker_of(pull.from);
  if (is_foreign(pull.from) || clocks_.is_fenced(worker, pull.from.life))
    return refuse(errc::fenced, "is fenced");
  if (!clocks_.hears(worker, pull.from.life, pull.clock))
    return refuse(errc::timed_out, "was overtaken by its leave");
  if (const auto defect = parameters_.find_defect(pull.rows); defect.code != errc::none)
    return refuse(defect.code, defect.text);
  park(pull, to, now, out);
  admit_parked(now, out, worker);
  return out;
}

void shard::park(const pull_request& pull, ticket to, time_point now, shard_effects& out) {
  const auto [place, is_first] = parked_.try_emplace(worker_of(pull.from));
  const auto asked =
      !is_first && place->second.pull.clock == pull.clock ? place->second.asked : now;
  if (!is_first)
    out.refused.push_back({place->second.to, {errc::timed_out, "a later pull took its place"}});
  place->second = {pull, to, asked};
}

void shard::admit_parked(time_point now, shard_effects& out, std::optional<worker_id> newcomer) {
  const auto slowest = clocks_.slowest();
  if (!slowest || parked_.empty()) return;
  const bool is_as_before =
      std::exchange(asked_for_, slowest) == slowest && looks_at_slowest_alone_;
  const auto begin = !is_as_before ? parked_.begin()
                     : newcomer    ? parked_.find(*newcomer)
                                   : parked_.end();
  const auto end = is_as_before && begin != parked_.end() ? std::next(begin) : parked_.end();
  const auto live = clocks_.live();
  for (auto at = begin; at != end;) {
    const auto& [pull, to, asked] = at->second;
    const auto worker = at->first;
    const bool is_held = held_ && pull.clock >= *held_;
    if (!is_held && policy_at(pull.clock)
                        .admits({.clock = pull.clock,
                                 .slowest = *slowest,
                                 .workers = live.size(),
                                 .asked = asked,
                                 .now = now,
                                 .worker = worker,
                                 .live = live,
                                 .draw = draw_of(worker, pull.clock),
                                 .round = round_.number})) {
      out.pulls.push_back({to, serve(pull, *slowest, out)});
      at = parked_.erase(at);
    } else {
      ++at;
    }
  }
}

/// The same on every shard.
std::uint64_t shard::draw_of(worker_id worker, worker_clock clock) const {
  return mix(mix(seed_ ^ worker.value) ^ clock.value);
}

pull_reply shard::serve(const pull_request& pull, worker_clock slowest, shard_effects& out) {
  const auto lag = pull.clock.value - std::min(pull.clock, slowest).value;
  counts_.lag_max = std::max(counts_.lag_max, lag);
  unadmitted_ = std::max(unadmitted_, pull.clock.next());
  if (pull.from.name.index < counts_.lag_recent.size())
    counts_.lag_recent[pull.from.name.index] = lag;
  journal_entry entry;
  entry.worker = worker_of(pull.from);
  entry.life = pull.from.life;
  entry.clock = pull.clock;
  entry.version = version_;
  entry.slowest = slowest;
  out.entries.push_back(entry);
  pull_reply reply;
  reply.from = options_.self;
  reply.clock = pull.clock;
  reply.version = version_;
  reply.samples = parameters_.samples_applied();
  reply.cut = cut_;
  reply.changed = pull.held_life != options_.self.life || pull.held != version_;
  const bool is_known = pull.held_life == options_.self.life && pull.held < version_;
  if (reply.changed && !is_replica())
    parameters_.publish(version_, is_known ? std::optional(pull.held) : std::nullopt, reply);
  if (parameters_.compensates())
    copies_.note(entry.worker, version_, parameters_.snapshot(version_));
  if (!pull.rows.empty() && !is_replica()) reply.rows = parameters_.read_rows(pull.rows);
  if (const auto taken = last_taken_.find(entry.worker); taken != last_taken_.end())
    reply.taken = taken->second;
  return reply;
}

result<pull_reply> shard::on_snapshot(const snapshot_request& asked) {
  if (const auto defect = parameters_.find_defect(asked.rows); defect.code != errc::none)
    return failure(defect.code, "a request for a snapshot " + defect.text);
  pull_reply reply;
  reply.from = options_.self;
  reply.clock = {asked.sequence};
  reply.version = version_;
  reply.samples = parameters_.samples_applied();
  reply.changed = asked.rows.empty();
  if (reply.changed)
    reply.parameters = parameters_.snapshot(version_);
  else
    reply.rows = parameters_.read_rows(asked.rows);
  return reply;
}

// ---- pushes -------------------------------------------------------------------------------------

shard_effects shard::on_push(std::shared_ptr<const gradient_push> frame, ticket to,
                             time_point now) {
  shard_effects out;
  const auto refuse = [&](errc code, const std::string& what) {
    out.refused.push_back({to, {code, "a push of " + describe(frame->from) + " " + what}});
    return std::move(out);
  };
  const auto worker = worker_of(frame->from);
  if (is_foreign(frame->from) || clocks_.is_fenced(worker, frame->from.life))
    return refuse(errc::fenced, "is fenced");
  if (const auto defect = find_defect(*frame); defect.code != errc::none)
    return refuse(defect.code, defect.text);
  make_cut(frame->cut, out);
  auto outcome = push_outcome::taken;
  if (frame->verdict == push_verdict::tick || frame->verdict == push_verdict::leave) {
    outcome = settle_clock(*frame, now, out);
  } else if (!clocks_.hears(worker, frame->from.life, frame->clock)) {
    return refuse(errc::timed_out, "was overtaken by its leave");
  } else if (taken_.contains(frame->what.id)) {
    outcome = repeat(*frame, now, out);
  } else {
    whole_push push;
    auto defect = stage(frame, push);
    if (defect.code == errc::none && !push.empty()) defect = parameters_.decode(push);
    if (defect.code != errc::none) return refuse(defect.code, defect.text);
    if (push.empty())
      outcome = push_outcome::partial;
    else
      take_whole(std::move(push), now, out);
  }
  out.pushes.push_back({to, acknowledge(*frame, outcome)});
  admit_parked(now, out);
  return out;
}

error shard::find_defect(const gradient_push& frame) const {
  const auto defect = [](std::string text) { return error{errc::bad_frame, std::move(text)}; };
  if (frame.frames == 0 || frame.frames > frames_max || frame.frame >= frame.frames)
    return defect("is frame " + std::to_string(frame.frame) + " of " +
                  std::to_string(frame.frames));
  if (frame.read > version_)
    return defect("was read at version " + to_string(frame.read) + ", but this shard is at " +
                  to_string(version_));
  const bool has_lease =
      frame.verdict != push_verdict::tick && frame.verdict != push_verdict::leave;
  if (!has_lease && frame.frames != 1) return defect("has no lease, but several frames");
  const bool is_of_round = has_rounds_
                               ? frame.what.round == round_.number && frame.what.round_size > 0
                               : frame.what.round_size == 0;
  if (has_lease && !is_of_round && !taken_.contains(frame.what.id))
    return defect("belongs to round " + std::to_string(frame.what.round) + " of " +
                  std::to_string(frame.what.round_size) + " leases, but this shard is in " +
                  (has_rounds_ ? "round " + std::to_string(round_.number) : "none"));
  auto in_rows = parameters_.tables().find_defect(frame.rows, frame.row_gradient);
  if (in_rows.code != errc::none) return in_rows;
  if (frame.gradient.empty()) return {};
  if (!frame.how.codec.empty() && frame.how.codec != parameters_.push_codec())
    return defect("is coded as " + frame.how.codec + ", expected " + parameters_.push_codec());
  if (frame.how.codec.empty() && frame.gradient.type() != ops::dtype::f32)
    return defect("carries elements of " + std::string(ops::name(frame.gradient.type())) +
                  ", expected f32");
  const auto elements = elements_of(frame.gradient, frame.how);
  if (frame.first > parameters_.size() || elements > parameters_.size() - frame.first)
    return defect("covers elements " + std::to_string(frame.first) + " to " +
                  std::to_string(frame.first + elements) + " of a shard of " +
                  std::to_string(parameters_.size()));
  return {};
}

push_outcome shard::settle_clock(const gradient_push& frame, time_point now, shard_effects& out) {
  const auto worker = worker_of(frame.from);
  if (frame.verdict == push_verdict::leave) {
    note(journal_kind::left, frame, out);
    clocks_.leaves(worker, frame.from.life, frame.clock);
    if (const auto waiting = parked_.find(worker);
        waiting != parked_.end() && waiting->second.pull.clock <= frame.clock) {
      out.refused.push_back({waiting->second.to, {errc::timed_out, "the worker has left"}});
      parked_.erase(waiting);
    }
  } else if (clocks_.hears(worker, frame.from.life, frame.clock)) {
    note(journal_kind::ticked, frame, out);
    finish_step(frame, now);
  }
  return push_outcome::taken;
}

/// The worker's step is in: its clock moves now, or with the round that the step belongs to.
void shard::finish_step(const gradient_push& closing, time_point now) {
  const auto worker = worker_of(closing.from);
  const auto next = closing.clock.next();
  if (has_rounds_ && closing.clock.value >= round_.number)
    round_.clocks[worker] = {closing.from.life, next};
  else
    clocks_.advances(worker, closing.from.life, next, now);
}

error shard::stage(const std::shared_ptr<const gradient_push>& frame, whole_push& whole) {
  const auto worker = worker_of(frame->from);
  auto& staged = staged_[worker];
  const bool is_same = staged.life == frame->from.life && staged.clock == frame->clock &&
                       staged.what == frame->what.id && staged.frames.size() == frame->frames;
  if (!is_same) {
    if (staged.life == frame->from.life && staged.clock > frame->clock && !staged.frames.empty())
      return {}; // an old frame that came late; its push has been given up
    staged = {frame->from.life, frame->clock, frame->what.id, {}, 0, 0, 0};
    staged.frames.resize(frame->frames);
  }
  auto& place = staged.frames[frame->frame];
  if (place) return {}; // repeated
  place = frame;
  ++staged.arrived;
  staged.elements += elements_of(frame->gradient, frame->how);
  staged.rows += frame->rows.size();
  if (staged.elements > parameters_.size() || staged.rows > parameters_.tables().rows()) {
    staged_.erase(worker);
    return {errc::bad_frame, "has frames that overlap"};
  }
  if (staged.arrived < staged.frames.size()) return {};
  whole = std::move(staged.frames);
  staged_.erase(worker);
  return find_gap(whole);
}

error shard::find_gap(const whole_push& push) const {
  if (push.back()->verdict != push_verdict::apply) return {};
  std::uint64_t rest = parameters_.size(); // frames go from the last elements to the first
  for (const auto& frame : push) {
    if (frame->gradient.empty() && !frame->rows.empty()) continue;
    const auto end = frame->first + elements_of(frame->gradient, frame->how);
    if (end != rest || end == frame->first)
      return {errc::bad_frame, "has no gradient for element " + std::to_string(rest - 1)};
    rest = frame->first;
  }
  if (rest != 0)
    return {errc::bad_frame, "begins at element " + std::to_string(rest) + " of " +
                                 std::to_string(parameters_.size())};
  return parameters_.find_repeated_row(push);
}

push_ack shard::acknowledge(const gradient_push& frame, push_outcome outcome) const {
  return {options_.self, frame.what.id, frame.what.attempt, frame.clock, outcome, version_, cut_};
}

push_outcome shard::repeat(const gradient_push& frame, time_point now, shard_effects& out) {
  ++counts_.duplicates;
  // No step made a discarded push, and a replay would look for one.
  const bool is_of_step = frame.verdict != push_verdict::discard;
  note(is_of_step ? journal_kind::duplicate : journal_kind::ticked, frame, out);
  finish_step(frame, now);
  if (const auto staged = staged_.find(worker_of(frame.from));
      staged != staged_.end() && staged->second.what == frame.what.id)
    staged_.erase(staged);
  // Its maker must know whether it was this very push that went in.
  const lease_attempt_id own{frame.what.id, frame.what.attempt};
  const auto& last = last_taken_[worker_of(frame.from)];
  return std::ranges::find(last, own) != last.end() ? push_outcome::taken : push_outcome::duplicate;
}

// ---- what pushes do -----------------------------------------------------------------------------

void shard::make_cut(cut_number cut, shard_effects& out) {
  if (cut <= cut_) return;
  LAGRANGE_EXPECT(round_.pushes.empty(), "a cut inside a round");
  cut_ = cut;
  std::ranges::move(note_state().entries, std::back_inserter(out.entries));
  if (!is_replica()) out.captured = {capture(cut), out.entries.size()};
}

void shard::take_whole(whole_push push, time_point now, shard_effects& out) {
  const auto& closing = *push.back();
  taken_.insert(closing.what.id, closing.what.batches);
  if (closing.verdict != push_verdict::discard) { // of which no residual knows
    auto& last = last_taken_[worker_of(closing.from)];
    last = {lease_attempt_id{closing.what.id, closing.what.attempt}, last[0]};
  }
  const auto checksum = options_.hash_every > 0 ? checksum_of(push) : 0;
  if (has_rounds_)
    take_into_round({std::move(push), checksum}, now, out);
  else
    take(push, checksum, now, out);
}

void shard::take(const whole_push& push, std::uint32_t checksum, time_point now,
                 shard_effects& out) {
  const auto& closing = *push.back();
  if (closing.verdict != push_verdict::apply) {
    settle(closing, outcome_of(closing), out);
  } else {
    const auto staleness = version_.value - closing.read.value;
    const auto then = parameters_.compensates()
                          ? copies_.find(worker_of(closing.from), closing.read)
                          : ops::tensor();
    const auto read = then.empty() ? std::span<const float>() : then.values<float>();
    parameters_.apply(push, staleness, version_.next(), read);
    version_ = version_.next();
    count_applied(staleness);
    if (closing.from.name.index < counts_.staleness_recent.size())
      counts_.staleness_recent[closing.from.name.index] = staleness;
    auto& entry = settle(closing, lease_outcome::applied, out);
    entry.checksum = checksum;
    entry.is_compensated = !then.empty();
    note_state_if_due(out);
  }
  finish_step(closing, now);
}

// ---- membership ---------------------------------------------------------------------------------

shard_effects shard::on_view(const membership_view& view, time_point now) {
  shard_effects out;
  if (view.from.job != options_.self.job || view.from.term != options_.self.term) return out;
  for (const auto dead : clocks_.adopts(view)) {
    staged_.erase(dead);
    copies_.forget(dead);
    const auto waiting = parked_.find(dead);
    if (waiting == parked_.end()) continue;
    out.refused.push_back({waiting->second.to, {errc::fenced, "the worker was declared dead"}});
    parked_.erase(waiting);
  }
  admit_parked(now, out);
  return out;
}

void shard::promote(const stamp& self) {
  LAGRANGE_EXPECT(is_replica() && self.life.value > 0, "a promotion of no replica");
  options_.self = self;
  parked_.clear();
  staged_.clear();
  asked_for_.reset();
}

} // namespace lagrange::runtime
