#include "runtime/replay.hpp"

#include "runtime/replay_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace lagrange::runtime {

replay::replay(const replay_parts& parts, replay_plan plan, replay_options options)
    : parts_(parts), plan_(std::move(plan)), options_(options),
      dealing_(make_feeder(parts.what, parts.rows, parts.facts, {})), tables_({}, 1),
      made_(plan_.steps.size()) {
  auto network = make_network(parts.what, parts.rows, parts.facts.input);
  tables_ = table_split(network->parameters(), parts.what.topology.shards);
  if (!tables_.empty()) planner_ = make_planner(std::move(network), tables_, parts.what.seed);
  for (std::uint32_t shard = 0; shard < plan_.shards.size(); ++shard) {
    const stamp self{{}, {}, {}, {actor_role::shard, shard}, {1}};
    auto made = make_shard(parts.what, parts.rows, parts.facts, self);
    shelves_.push_back(std::make_unique<shelf>(made.id, std::move(made.parameters)));
  }
  for (std::size_t place = 0; place < plan_.steps.size(); ++place) {
    const auto& step = plan_.steps[place];
    if (is_left_out(step)) continue;
    auto& by = lanes_[step.worker];
    if (!by) by = std::make_unique<lane>(lane{.next = place});
    by->end = place + 1;
    for (std::size_t shard = 0; shard < shelves_.size(); ++shard)
      for (const auto version : step.shards[shard].read)
        shelves_[shard]->readers[version].insert(place);
  }
  for (auto& at : shelves_) note_version(*at, {});
}

replay::~replay() = default;

result<void> replay::run() {
  while (difference_.empty() &&
         !std::ranges::all_of(shelves_, [this](const auto& at) { return is_done(*at); }))
    if (!advance_one()) {
      is_stuck_ = true; // then the first of several versions that may have been read has to do
      if (!advance_one()) return failure(errc::bad_file, find_missing());
      is_stuck_ = false;
    }
  if (difference_.empty() && !options_.until) compute_rest();
  return success();
}

gathered_parameters replay::parameters() {
  gathered_parameters made;
  for (const auto& table : tables_.tables())
    made.tables.emplace_back(ops::dtype::f32, ops::shape{table.rows * table.width});
  for (auto& at : shelves_) {
    made.shards.push_back(at->end ? at->end : at->snapshot());
    const auto held = at->end ? std::move(at->end_tables) : at->copy_of_tables();
    for (std::size_t table = 0; table < held.size(); ++table) {
      const auto width = static_cast<std::size_t>(tables_.tables()[table].width);
      const auto all = made.tables[table].values<float>();
      for (std::size_t row = 0; row * width < held[table].size(); ++row)
        std::copy_n(held[table].data() + row * width, width,
                    all.data() + static_cast<std::size_t>(
                                     tables_.global(at->id, static_cast<std::int64_t>(row))) *
                                     width);
    }
  }
  return made;
}

// ---- shards -------------------------------------------------------------------------------------

bool replay::is_done(const shelf& at) const {
  return at.next == plan_.shards[at.id.value].updates.size() ||
         (options_.until && at.version >= *options_.until);
}

/// One update of some shards. Those that are done go on only where others need what they become.
bool replay::advance_one() {
  bool has_moved = false;
  for (auto& at : shelves_)
    if (!is_done(*at) && difference_.empty()) has_moved |= advance(*at);
  if (has_moved) return true;
  return std::ranges::any_of(shelves_, [this](auto& at) { return advance(*at); });
}

bool replay::advance(shelf& at) {
  const auto& updates = plan_.shards[at.id.value].updates;
  if (at.next == updates.size()) return false;
  const auto& what = updates[at.next];
  for (const auto place : what.steps)
    if (!is_left_out(plan_.steps[place]) && !made_[place] && !compute_up_to(place)) return false;
  if (!difference_.empty()) return true;
  if (what.is_round)
    apply_round(at, what);
  else
    apply(at, what);
  ++at.next;
  ++updates_;
  note_version(at, what.becomes);
  for (const auto place : what.steps)
    if (!is_left_out(plan_.steps[place])) use_up(place);
  return true;
}

bool replay::is_applied(const replay_step& step, std::size_t place) const {
  return !is_left_out(step) && made_[place]->verdict == push_verdict::apply;
}

void replay::apply(shelf& at, const replay_update& what) {
  const auto place = what.steps.front();
  const auto& step = plan_.steps[place];
  if (!is_applied(step, place)) return;
  const auto& push = made_[place]->pushes[at.id.value];
  LAGRANGE_EXPECT(at.numbers.decode(push).code == errc::none, "a push of our own is unreadable");
  const auto then =
      step.shards[at.id.value].is_compensated ? made_[place]->then[at.id.value] : ops::tensor();
  at.numbers.apply(push, at.made - at.made_before(push.back()->read), what.becomes,
                   then.empty() ? std::span<const float>() : then.values<float>());
  ++at.made;
}

void replay::apply_round(shelf& at, const replay_update& what) {
  double samples = 0;
  for (const auto place : what.steps)
    if (is_applied(plan_.steps[place], place)) samples += plan_.steps[place].samples;
  if (samples == 0) return;
  at.numbers.begin_sum();
  for (const auto place : what.steps) {
    const auto& step = plan_.steps[place];
    if (!is_applied(step, place)) continue;
    const auto& push = made_[place]->pushes[at.id.value];
    at.numbers.add(push, static_cast<float>(step.samples / samples),
                   at.made - at.made_before(push.back()->read));
  }
  at.numbers.apply_sum(what.becomes);
  ++at.made;
}

void replay::note_version(shelf& at, shard_version now) {
  at.version = now;
  at.made_at.resize(now.value + 1, at.made);
  if (at.readers.contains(now)) {
    at.publish();
    if (planner_) keep_rows(at, now);
  }
  if (options_.until == now) {
    at.end = at.snapshot();
    at.end_tables = at.copy_of_tables();
  }
  const auto& states = plan_.shards[at.id.value].states;
  const auto state = states.find(now);
  if (options_.without || state == states.end()) return;
  if (sha256(std::as_bytes(at.numbers.values())) != state->second && difference_.empty())
    difference_ = fmt::format("the parameters of shard-{} differ after update {}, though every "
                              "gradient in them is the same",
                              at.id.value, now.value);
}

/// Rows are read when a pull is served, and step with the version: so its readers' rows are these.
void replay::keep_rows(shelf& at, shard_version now) {
  for (const auto place : at.readers.at(now))
    at.rows[now][place] = at.numbers.read_rows(lease_of(place).plan->wanted[at.id.value]);
}

void replay::use_up(std::size_t place) {
  if (--made_[place]->uses == 0) made_[place].reset();
}

// ---- workers ------------------------------------------------------------------------------------

/// What no update needs: leases that were dropped, and attempts that came too late.
void replay::compute_rest() {
  for (auto& [worker, by] : lanes_)
    while (by->next < by->end && is_readable(plan_.steps[by->next]) && difference_.empty())
      compute(*by, by->next);
}

bool replay::compute_up_to(std::size_t place) {
  auto& by = *lanes_.at(plan_.steps[place].worker);
  while (by.next <= place && difference_.empty()) {
    if (!is_readable(plan_.steps[by.next])) return false;
    compute(by, by.next);
  }
  return true;
}

bool replay::is_readable(const replay_step& step) const {
  for (std::size_t shard = 0; shard < shelves_.size(); ++shard) {
    const auto& read = step.shards[shard].read;
    const auto& kept = shelves_[shard]->kept;
    const auto needed = std::span(read).first(std::min(read.size(), is_stuck_ ? 1 : read.size()));
    const auto is_kept = [&](shard_version version) { return kept.contains(version); };
    if (read.empty() || !std::ranges::all_of(needed, is_kept)) return false;
  }
  return true;
}

std::vector<replay::versions> replay::readings_of(const replay_step& step) const {
  std::vector<versions> made{{}};
  for (std::size_t shard = 0; shard < shelves_.size(); ++shard) {
    std::vector<versions> longer;
    for (const auto version : step.shards[shard].read)
      for (const auto& each : made) {
        if (!shelves_[shard]->kept.contains(version)) continue;
        longer.push_back(each);
        longer.back().push_back(version);
      }
    made = std::move(longer);
  }
  return made;
}

void replay::compute(lane& by, std::size_t place) {
  const auto& step = plan_.steps[place];
  ++by.next;
  made_step made;
  std::string found;
  const actor_life who{{actor_role::worker, step.worker.value}, step.life};
  if (by.life != step.life && options_.anew.contains(who)) by.memory.reset();
  const auto readings = readings_of(step);
  const auto residual = readings.size() > 1 ? by.copy_memory() : std::vector<std::byte>();
  for (const auto& read : readings) {
    if (&read != &readings.front()) by.begin_again(residual);
    prepare(by, step);
    made = gradient_of(by, place, read);
    found = compare(step, made);
    if (found.empty()) break;
  }
  if (!found.empty() && readings.size() > 1)
    found += " (its worker asked twice for what it read and then died: either answer may count)";
  if (!found.empty() && difference_.empty()) difference_ = found;
  for (std::uint32_t shard = 0; shard < shelves_.size(); ++shard) {
    const auto& there = step.shards[shard];
    for (const auto version : there.read) shelves_[shard]->release(version, place);
    if (there.fate != push_fate::unseen && made.verdict == push_verdict::apply)
      by.settled.push_back({{shard}, step.what, there.fate == push_fate::taken});
    made.uses += there.update.has_value();
  }
  dealt_.erase(place);
  if (made.uses > 0) made_[place] = std::make_unique<made_step>(std::move(made));
}

/// Each life has a computation of its own, and takes over what the lives before have not sent.
void replay::prepare(lane& by, const replay_step& step) {
  if (by.computes && by.life == step.life) return;
  by.life = step.life;
  by.settled.clear();
  by.is_fresh = true;
  by.computes = std::make_unique<computation>(
      make_computation(parts_.what, parts_.rows, parts_.facts, [&by](std::size_t bytes) {
        if (!by.memory) by.memory = fresh_memory(bytes);
        return by.memory;
      }));
  use_device(*by.computes, parts_.what, parts_.rows, step.worker.value);
}

const replay::dealt_lease& replay::lease_of(std::size_t place) {
  const auto [found, is_new] = dealt_.try_emplace(place);
  if (!is_new) return found->second;
  const auto& step = plan_.steps[place];
  const auto epoch = epoch_of(dealing_, step.what.what);
  auto grant = std::make_shared<lease_grant>();
  grant->what = {.id = step.what.what,
                 .attempt = step.what.attempt,
                 .epoch = epoch,
                 .batches = batches_of(dealing_, step.samples)};
  const auto samples = samples_of(dealing_, grant->what);
  grant->clock = step.clock;
  grant->samples = parts_.training.gather(samples);
  augment(grant->samples, samples, {dealing_.changes, dealing_.seed, epoch});
  found->second.plan = planner_ ? planner_(grant->what, grant->samples) : nullptr;
  found->second.grant = std::move(grant);
  return found->second;
}

step_task replay::task_of(lane& by, std::size_t place, const versions& read) {
  const auto& step = plan_.steps[place];
  const auto& [grant, plan] = lease_of(place);
  step_task task{grant->what, step.clock, grant, {}, std::exchange(by.settled, {}), plan, {}};
  for (std::size_t shard = 0; shard < shelves_.size(); ++shard) {
    if (plan) task.rows.push_back(shelves_[shard]->rows.at(read[shard]).at(place));
    task.parameters.push_back(shelves_[shard]->kept.at(read[shard]));
    if (!by.is_fresh) continue;
    auto told = std::make_shared<pull_reply>(*task.parameters.back());
    told->taken = step.shards[shard].taken_before;
    task.parameters.back() = std::move(told);
  }
  by.is_fresh = false;
  return task;
}

replay::made_step replay::gradient_of(lane& by, std::size_t place, const versions& read) {
  const auto found = (*by.computes)(task_of(by, place, read));
  made_step made;
  made.verdict = found.verdict;
  made.clip_scale = found.clip_scale;
  made.samples = found.samples;
  if (found.verdict != push_verdict::apply) return made;
  for (std::size_t shard = 0; shard < shelves_.size(); ++shard) {
    auto& push = made.pushes.emplace_back();
    const auto copy = shelves_[shard]->copies.find(read[shard]);
    made.then.push_back(copy == shelves_[shard]->copies.end() ? ops::tensor() : copy->second);
    for (const auto& part : found.parts[shard]) {
      auto frame = std::make_shared<gradient_push>();
      frame->read = read[shard];
      frame->first = part.first;
      frame->gradient = part.values;
      frame->how = part.how;
      frame->rows = part.rows;
      frame->row_gradient = part.row_gradient;
      frame->samples = found.samples;
      frame->clip_scale = found.clip_scale;
      push.push_back(std::move(frame));
    }
  }
  return made;
}

// ---- what differs, what is missing --------------------------------------------------------------

std::string replay::compare(const replay_step& step, const made_step& made) const {
  if (options_.without) return {};
  const auto who = fmt::format("(lease {}, worker-{})", step.what.what.value, step.worker.value);
  const auto is_settled = [](const step_at_shard& at) { return at.update.has_value(); };
  const bool was_applied = std::ranges::any_of(step.shards, is_settled);
  const bool is_dropped = made.verdict != push_verdict::apply;
  if (was_applied && is_dropped)
    return fmt::format("the gradient of lease {} by worker-{} was finite in the run, and is not "
                       "here",
                       step.what.what.value, step.worker.value);
  if (step.was_dropped && !was_applied && !is_dropped)
    return fmt::format("the gradient of lease {} by worker-{} was not finite in the run, and is "
                       "here",
                       step.what.what.value, step.worker.value);
  for (std::size_t shard = 0; shard < step.shards.size(); ++shard) {
    const auto& there = step.shards[shard];
    if (!there.update || is_dropped) continue;
    const auto place = fmt::format("update {} of shard-{} {}", there.update->value, shard, who);
    if (checksum_of(made.pushes[shard]) != there.checksum) return place + " differs";
    if (std::bit_cast<std::uint32_t>(made.clip_scale) !=
        std::bit_cast<std::uint32_t>(there.clip_scale))
      return fmt::format("{} differs: its gradient was clipped by {}, here by {}", place,
                         there.clip_scale, made.clip_scale);
    if (made.samples != step.samples)
      return fmt::format("{} differs: it had {} samples, here {}", place, step.samples,
                         made.samples);
  }
  return {};
}

/// Why no shard can go on.
std::string replay::find_missing() const {
  for (const auto& at : shelves_) {
    if (is_done(*at)) continue;
    const auto& what = plan_.shards[at->id.value].updates[at->next];
    for (const auto place : what.steps) {
      const auto& step = plan_.steps[place];
      for (std::size_t shard = 0; shard < shelves_.size(); ++shard)
        if (!is_left_out(step) && step.shards[shard].read.empty())
          return fmt::format("update {} of shard-{} cannot be recomputed: the journal of shard-{} "
                             "ends before it says what worker-{} read for it",
                             what.becomes.value, at->id.value, shard, step.worker.value);
    }
  }
  const auto& at = **std::ranges::find_if(shelves_, [&](const auto& x) { return !is_done(*x); });
  return fmt::format("update {} of shard-{} cannot be recomputed: it was made from versions that "
                     "come later in the journals, or that the other journals end before",
                     plan_.shards[at.id.value].updates[at.next].becomes.value, at.id.value);
}

} // namespace lagrange::runtime
