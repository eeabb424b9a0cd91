#include "runtime/worker.hpp"

#include <algorithm>
#include <stdexcept>

namespace lagrange::runtime {

namespace {

std::uint32_t samples_of(const step_task& task) {
  const auto& labels = task.grant->samples.labels;
  return labels.empty() ? 0 : static_cast<std::uint32_t>(labels.extents()[0]);
}

} // namespace

worker::worker(worker_options options) : options_(std::move(options)) {
  LAGRANGE_EXPECT(options_.shards > 0, "a worker without shards");
  arrived_.resize(options_.shards);
  held_.resize(options_.shards);
  rows_.resize(options_.shards);
  counts_.from = options_.self;
}

worker_effects worker::start(time_point now) {
  worker_effects out;
  waiting_since_ = reported_ = now;
  ask(standing::joining, {}, now, out);
  return out;
}

// ---- asking -------------------------------------------------------------------------------------

void worker::ask(standing state, worker_clock clock, time_point now, worker_effects& out) {
  request_ = {options_.self, request_.sequence + 1, clock, state, {}};
  if (!batch_times_.empty()) request_.batch_time = batch_times_.value();
  request_sent_ = now;
  is_asking_ = true;
  out.request = request_;
}

void worker::pull(worker_clock clock, time_point now, worker_effects& out) {
  pulled_for_ = clock;
  pulled_plan_ = plan_;
  is_pull_repeated_ = false;
  pull_sent_ = now;
  pull_due_.reset();
  std::fill(arrived_.begin(), arrived_.end(), nullptr);
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard)
    out.pulls.emplace_back(shard_id{shard}, request_for({shard}));
}

worker_effects worker::on_grant(std::shared_ptr<const lease_grant> grant, time_point now) {
  worker_effects out;
  if (!is_asking_ || grant->sequence != request_.sequence) return out; // of a repeated request
  is_asking_ = false;
  grant_ = std::move(grant);
  if (options_.plan && grant_->kind == grant_kind::batch) {
    plan_ = options_.plan(grant_->what, grant_->samples);
    const bool is_due = !computing_ || !pull_due_ || now >= *pull_due_;
    if ((computing_ || result_) && is_due) pull(grant_->clock, now, out);
  }
  advance(now, out);
  return out;
}

worker_effects worker::on_parameters(shard_id shard, std::shared_ptr<const pull_reply> reply,
                                     time_point now) {
  worker_effects out;
  if (shard.value >= options_.shards || reply->clock != pulled_for_ || arrived_[shard.value])
    return out; // of a pull that has been repeated or given up
  cut_ = std::max(cut_, reply->cut);
  rows_[shard.value] = reply->rows;
  if (reply->changed) held_[shard.value] = completed(shard, std::move(reply));
  LAGRANGE_EXPECT(held_[shard.value] != nullptr, "an unchanged copy that was never sent");
  arrived_[shard.value] = held_[shard.value];
  if (std::find(arrived_.begin(), arrived_.end(), nullptr) == arrived_.end())
    pull_times_.add(now - pull_sent_);
  advance(now, out);
  return out;
}

std::shared_ptr<const pull_reply> worker::completed(shard_id shard,
                                                    std::shared_ptr<const pull_reply> reply) const {
  if (reply->blocks.empty()) return reply;
  const auto& held = held_[shard.value];
  LAGRANGE_EXPECT(held && held->from.life == reply->from.life,
                  "changes to a copy that is not held");
  const auto old = held->parameters.values<float>();
  auto whole = std::make_shared<pull_reply>(*reply);
  whole->blocks = {};
  whole->parameters = ops::tensor(ops::dtype::f32, held->parameters.extents());
  const auto to = whole->parameters.values<float>();
  std::ranges::copy(old, to.begin());
  auto from = std::as_const(reply->parameters).values<float>();
  for (const auto block : std::as_const(reply->blocks).values<std::int32_t>()) {
    const auto first = static_cast<std::size_t>(block) * pull_reply::block_elements;
    const auto count = std::min<std::size_t>(pull_reply::block_elements, from.size());
    LAGRANGE_EXPECT(first + count <= to.size(), "a changed block beyond the shard's parameters");
    std::ranges::copy(from.first(count), to.begin() + static_cast<std::ptrdiff_t>(first));
    from = from.subspan(count);
  }
  return whole;
}

void worker::advance(time_point now, worker_effects& out) {
  const bool may_push = !outgoing_ || !outgoing_->is_closed;
  if (result_ && may_push) push(now, out);
  if (computing_ && may_push && !early_.empty()) push_early(now, out);
  if (!grant_ || computing_ || result_) return;
  if (grant_->kind == grant_kind::batch) {
    compute_if_ready(now, out);
  } else if (!outgoing_) {
    switch (grant_->kind) {
    case grant_kind::tick:
      push_empty(push_verdict::tick, now, out);
      break;
    case grant_kind::discard:
      push_empty(push_verdict::discard, now, out);
      break;
    case grant_kind::idle:
      push_empty(push_verdict::leave, now, out);
      out.report = report(now); // perhaps the last: its job may end before the next tick
      break;
    default:
      out.is_finished = is_finished_ = true;
      out.report = report(now);
    }
  }
}

void worker::compute_if_ready(time_point now, worker_effects& out) {
  if (pulled_for_ != grant_->clock) return pull(grant_->clock, now, out);
  if (pulled_plan_ != plan_) return pull_other_rows(now, out);
  if (std::find(arrived_.begin(), arrived_.end(), nullptr) != arrived_.end()) return;
  clock_ = grant_->clock;
  cut_ = std::max(cut_, grant_->what.cut);
  computing_ = std::make_shared<step_task>(step_task{grant_->what, clock_, std::move(grant_),
                                                     arrived_, std::exchange(settled_, {}),
                                                     std::move(plan_), rows_, cut_});
  grant_ = nullptr;
  plan_ = nullptr;
  counts_.waiting += now - waiting_since_;
  computing_since_ = now;
  out.compute = computing_;
  if (looks_ahead(computing_->what)) look_ahead(now, out);
}

/// A second lease of a round is read at the clock of the first, but needs other rows. Answers name
/// the clock alone: if one may yet come to the first, only a next life can tell them apart.
void worker::pull_other_rows(time_point now, worker_effects& out) {
  if (is_pull_repeated_)
    throw std::runtime_error("cannot tell late answers to one lease from those to the next; its "
                             "next incarnation can");
  pull(grant_->clock, now, out);
}

void worker::look_ahead(time_point now, worker_effects& out) {
  ask(standing::working, clock_.next(), now, out);
  const auto wait = pull_times_.empty() || batch_times_.empty()
                        ? std::chrono::nanoseconds(0)
                        : batch_times_.value() * computing_->what.batches - pull_times_.value();
  pull_due_ = now + wait;
  if (wait <= std::chrono::nanoseconds(0)) return pull_ahead(now, out);
  out.wake_after = wait;
}

worker_effects worker::on_wake(time_point now) {
  worker_effects out;
  if (pull_due_ && now >= *pull_due_) pull_ahead(now, out);
  return out;
}

void worker::pull_ahead(time_point now, worker_effects& out) {
  if (!options_.plan || plan_) pull(clock_.next(), now, out);
}

// ---- pushing ------------------------------------------------------------------------------------

worker_effects worker::on_computed(step_result result, time_point now) {
  worker_effects out;
  LAGRANGE_EXPECT(computing_ && result.what == computing_->what.id, "a result nobody asked for");
  LAGRANGE_EXPECT(result.verdict == push_verdict::skip || result.parts.size() == options_.shards,
                  std::to_string(result.parts.size()) + " gradients");
  counts_.compute += now - computing_since_;
  counts_.step_times.add(now - computing_since_);
  batch_times_.add((now - computing_since_) / computing_->what.batches);
  waiting_since_ = now;
  if (pull_due_) pull_ahead(now, out); // the step was quicker than those before it
  ++counts_.steps;
  counts_.unsent = result.unsent;
  counts_.samples += result.samples;
  if (result.verdict == push_verdict::apply) {
    loss_sum_ += result.loss;
    ++loss_steps_;
  } else {
    ++counts_.skipped;
  }
  result_task_ = std::move(computing_);
  computing_ = nullptr;
  result_ = std::move(result);
  advance(now, out);
  if (counts_.steps == 1) out.report = report(now); // people wait for the first loss
  return out;
}

worker_effects worker::on_part(early_part part, time_point now) {
  worker_effects out;
  if (!computing_ || computing_->what.id != part.what.what ||
      computing_->what.attempt != part.what.attempt || part.shard.value >= options_.shards ||
      part.frame + 1 >= part.frames)
    return out;
  early_.push_back(std::move(part));
  advance(now, out);
  return out;
}

void worker::open(outgoing_push push, time_point now) {
  outgoing_ = std::move(push);
  outgoing_->frames.resize(options_.shards);
  outgoing_->is_done.assign(options_.shards, false);
  outgoing_->open = options_.shards;
  outgoing_->sent = now;
}

void worker::push_early(time_point now, worker_effects& out) {
  if (!outgoing_) open({.clock = computing_->clock, .what = computing_->what}, now);
  for (const auto& part : early_) {
    auto frame = frame_of(*computing_, part.shard, part.part);
    frame->frame = part.frame;
    frame->frames = part.frames;
    auto& frames = outgoing_->frames[part.shard.value];
    frames.resize(part.frames);
    frames[part.frame] = frame;
    if (!outgoing_->is_done[part.shard.value])
      out.pushes.emplace_back(part.shard, std::move(frame));
  }
  early_.clear();
}

/// Closes the push, and sends of it what has not left yet.
void worker::push(time_point now, worker_effects& out) {
  early_.clear();
  if (!outgoing_) open({.clock = result_task_->clock, .what = result_task_->what}, now);
  outgoing_->verdict = result_->verdict;
  outgoing_->sent = now;
  outgoing_->is_closed = true;
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard) {
    auto before = std::exchange(outgoing_->frames[shard], frames_for({shard}));
    if (result_->verdict != push_verdict::apply) before.clear(); // one frame tells it all
    const auto& frames = outgoing_->frames[shard];
    before.resize(frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i)
      if (!before[i] && !outgoing_->is_done[shard])
        out.pushes.emplace_back(shard_id{shard}, frames[i]);
  }
  result_.reset();
  result_task_ = nullptr;
  if (!looks_ahead(outgoing_->what)) {
    ask(standing::working, clock_.next(), now, out);
    pull_ahead(now, out);
  }
  if (outgoing_->open == 0) acknowledged(now, out); // somebody else's attempts came before, all
}

std::shared_ptr<gradient_push> worker::frame_of(const step_task& task, shard_id shard,
                                                const gradient_part& part) const {
  auto frame = std::make_shared<gradient_push>();
  frame->from = options_.self;
  frame->clock = task.clock;
  frame->what = task.what;
  frame->read = task.parameters[shard.value]->version;
  frame->samples = samples_of(task);
  frame->first = part.first;
  frame->gradient = part.values;
  frame->how = part.how;
  frame->rows = part.rows;
  frame->row_gradient = part.row_gradient;
  frame->cut = task.cut;
  return frame;
}

/// At least one frame, if only to close the push.
std::vector<std::shared_ptr<const gradient_push>> worker::frames_for(shard_id shard) const {
  static const std::vector<gradient_part> nothing(1);
  const auto& parts =
      result_->verdict == push_verdict::skip ? nothing : result_->parts[shard.value];
  std::vector<std::shared_ptr<const gradient_push>> made;
  for (const auto& part : parts) {
    auto frame = frame_of(*result_task_, shard, part);
    frame->frame = static_cast<std::uint32_t>(made.size());
    frame->frames = static_cast<std::uint32_t>(parts.size());
    frame->verdict = result_->verdict;
    frame->samples = result_->samples;
    frame->clip_scale = result_->clip_scale;
    made.push_back(std::move(frame));
  }
  return made;
}

void worker::push_empty(push_verdict verdict, time_point now, worker_effects& out) {
  open({.clock = verdict == push_verdict::leave ? request_.clock : grant_->clock,
        .what = verdict == push_verdict::discard ? grant_->what : lease(),
        .verdict = verdict,
        .is_closed = true},
       now);
  clock_ = outgoing_->clock;
  if (verdict == push_verdict::discard) cut_ = std::max(cut_, grant_->what.cut);
  grant_ = nullptr;
  auto frame = std::make_shared<gradient_push>();
  frame->from = options_.self;
  frame->clock = outgoing_->clock;
  frame->what = outgoing_->what;
  frame->verdict = verdict;
  frame->cut = cut_;
  outgoing_->frames.assign(options_.shards, {std::move(frame)});
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard) emit_frames({shard}, out);
}

void worker::emit_frames(shard_id shard, worker_effects& out) const {
  for (const auto& frame : outgoing_->frames[shard.value]) out.pushes.emplace_back(shard, frame);
}

worker_effects worker::on_ack(shard_id shard, const push_ack& ack, time_point now) {
  worker_effects out;
  if (!outgoing_ || ack.clock != outgoing_->clock || ack.what != outgoing_->what.id ||
      ack.attempt != outgoing_->what.attempt || ack.outcome == push_outcome::partial ||
      shard.value >= options_.shards || outgoing_->is_done[shard.value])
    return out;
  outgoing_->is_done[shard.value] = true;
  cut_ = std::max(cut_, ack.cut);
  if (outgoing_->verdict == push_verdict::apply)
    settled_.push_back({shard, {ack.what, ack.attempt}, ack.outcome == push_outcome::taken});
  if (--outgoing_->open == 0 && outgoing_->is_closed) acknowledged(now, out);
  return out;
}

void worker::acknowledged(time_point now, worker_effects& out) {
  const auto verdict = outgoing_->verdict;
  outgoing_.reset();
  if (verdict == push_verdict::leave) {
    pulled_for_.reset();
    ask(standing::idle, clock_, now, out);
  } else if (verdict == push_verdict::tick || verdict == push_verdict::discard) {
    ask(standing::working, clock_.next(), now, out);
  }
  advance(now, out);
}

// ---- time ---------------------------------------------------------------------------------------

worker_effects worker::on_tick(time_point now) {
  worker_effects out;
  if (is_finished_) return out;
  if (is_asking_ && now - request_sent_ >= options_.retry_after) {
    request_sent_ = now;
    out.request = request_;
  }
  const bool is_missing = std::ranges::find(arrived_, nullptr) != arrived_.end();
  if (pulled_for_ && is_missing && now - pull_sent_ >= options_.retry_after) {
    const auto kept = arrived_;
    pull(*pulled_for_, now, out);
    is_pull_repeated_ = true;
    arrived_ = kept;
    std::erase_if(out.pulls, [&](const auto& each) { return kept[each.first.value] != nullptr; });
  }
  if (outgoing_ && outgoing_->is_closed && now - outgoing_->sent >= options_.retry_after) {
    outgoing_->sent = now;
    for (std::uint32_t shard = 0; shard < options_.shards; ++shard)
      if (!outgoing_->is_done[shard]) emit_frames({shard}, out);
  }
  if (now - reported_ >= options_.report_every) out.report = report(now);
  return out;
}

worker_report worker::report(time_point now) {
  reported_ = now;
  auto made = counts_;
  made.clock = computing_ || result_ ? clock_ : clock_.next();
  if (counts_.steps == 0) made.clock = clock_;
  if (!computing_) made.waiting += now - waiting_since_;
  if (computing_) {
    made.under_way = now - computing_since_;
    made.computing = computing_->what.id;
  }
  made.loss_steps = static_cast<double>(loss_steps_);
  made.loss = loss_steps_ > 0 ? loss_sum_ / static_cast<double>(loss_steps_) : 0;
  loss_sum_ = 0;
  loss_steps_ = 0;
  return made;
}

} // namespace lagrange::runtime
