/// \file
/// The worker's twin: lease, pull, compute, push, in step and in order, with the next lease and the
/// next parameters already on their way where the policy allows it. It decides; actors::worker
/// speaks and computes.
///
/// Invariants: SH-2 (a push is repeated until it is acknowledged), BP-1 (one push, one pull and one
/// lease request under way at a time), CO-1 across cuts (a step's number is the highest that it can
/// have heard of, so no shard that has made that cut takes the step for one before it).
#pragma once

#include "runtime/messages.hpp"
#include "runtime/reports.hpp"
#include "runtime/row_plan.hpp"
#include "runtime/staleness/policy.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace lagrange::runtime {

/// What a shard has answered to a push with a gradient.
struct settled_push {
  shard_id shard;
  lease_attempt_id what;
  bool is_taken = false; ///< else somebody else's attempt at the lease came before
};

/// One step's work, for whatever computes.
struct step_task {
  lease what;
  worker_clock clock;
  std::shared_ptr<const lease_grant> grant;                  ///< holds the samples
  std::vector<std::shared_ptr<const pull_reply>> parameters; ///< by shard
  std::vector<settled_push> settled;                         ///< since the last task
  std::shared_ptr<const row_plan> plan;                      ///< null: a model without tables
  std::vector<ops::tensor> rows;                             ///< those planned, by shard
  /// Cuts that came before the step: before it and all that `settled` tells, what is to be kept of
  /// this worker for such a cut is kept.
  cut_number cut{};
};

/// A piece of a gradient, as it is sent in one frame.
struct gradient_part {
  std::uint64_t first = 0; ///< position in the shard's parameters
  ops::tensor values;      ///< f32 [m], or u8 [bytes] if coded
  coding how;
  table_rows rows;          ///< as in gradient_push
  ops::tensor row_gradient; ///< f32 [M]
};

/// What came of a step_task.
struct step_result {
  lease_id what;
  float loss = 0;
  std::uint32_t samples = 0;
  push_verdict verdict = push_verdict::apply; ///< skip when the gradient is not finite
  /// By shard, the frames of its push from the last elements to the first; none for skip.
  std::vector<std::vector<gradient_part>> parts;
  float clip_scale = 1; ///< that brings the gradient's norm into its bound
  /// The residual's memory as it was before a step that is the first one after a cut.
  std::shared_ptr<const std::vector<std::byte>> kept;
  cut_number cut{};   ///< of the step
  double unsent = -1; ///< norm of the residual after it; negative: the codec leaves none
};

/// One of those frames, while the rest is still being computed; never the closing one.
struct early_part {
  lease_attempt_id what;
  shard_id shard;
  std::uint32_t frame = 0;
  std::uint32_t frames = 1; ///< of this shard
  gradient_part part;
};

/// When the next lease and the next parameters are asked for.
enum class lookahead : std::uint8_t {
  none, ///< after the push: a worker reads its own last write
  /// The lease when a step begins; the parameters as late in the step as they are expected to come
  /// in time, because every update made between their read and their use is staleness. Needs a
  /// bound of at least 1, and is not done for leases of rounds.
  one_step,
};

/// The median of the last few times that something took.
class recent_median {
public:
  void add(std::chrono::nanoseconds took) { times_[next_++ % times_.size()] = took; }
  bool empty() const { return next_ == 0; }
  std::chrono::nanoseconds value() const {
    auto sorted = times_;
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(next_, sorted.size()));
    const auto middle = sorted.begin() + (end - sorted.begin()) / 2;
    std::nth_element(sorted.begin(), middle, end);
    return *middle;
  }

private:
  std::array<std::chrono::nanoseconds, 9> times_{};
  std::size_t next_ = 0;
};

struct worker_options {
  stamp self;
  std::uint32_t shards = 1;
  lookahead ahead = lookahead::none;
  plan_maker plan;         ///< of the rows that a lease needs; null: a model without tables
  bool compresses = false; ///< gradients, on links that leave the host
  std::chrono::milliseconds retry_after{2000}; ///< what is not answered by then is asked again
  std::chrono::milliseconds report_every{250};
};

/// What a worker wants done.
struct worker_effects {
  std::optional<lease_request> request;
  std::vector<std::pair<shard_id, pull_request>> pulls;
  std::vector<std::pair<shard_id, std::shared_ptr<const gradient_push>>> pushes;
  std::shared_ptr<const step_task> compute;
  std::optional<std::chrono::nanoseconds> wake_after; ///< call on_wake then
  std::optional<worker_report> report;
  bool is_finished = false; ///< every lease of the job is closed
};

class worker {
public:
  explicit worker(worker_options options);

  worker_effects start(time_point now);
  worker_effects on_grant(std::shared_ptr<const lease_grant> grant, time_point now);
  worker_effects on_parameters(shard_id shard, std::shared_ptr<const pull_reply> reply,
                               time_point now);
  /// A part of the step under way is ready: it leaves at once, unless the push before is not
  /// acknowledged yet. One of a step that is over changes nothing.
  worker_effects on_part(early_part part, time_point now);
  worker_effects on_computed(step_result result, time_point now);
  worker_effects on_ack(shard_id shard, const push_ack& ack, time_point now);
  /// The time asked for by wake_after is over.
  worker_effects on_wake(time_point now);
  /// The shard goes on elsewhere, as a life that has all that was answered: what was not is asked
  /// and pushed again.
  worker_effects on_shard_moved(shard_id shard, time_point now);
  /// A few times a second: repeats what was not answered, reports.
  worker_effects on_tick(time_point now);

  const stamp& self() const { return options_.self; }
  bool is_finished() const { return is_finished_; }

private:
  struct outgoing_push {
    worker_clock clock;
    lease what; ///< attempt 0: none
    push_verdict verdict = push_verdict::apply;
    bool is_closed = false; ///< its step is over, and every frame is here
    /// By shard; null: not here yet.
    std::vector<std::vector<std::shared_ptr<const gradient_push>>> frames;
    std::vector<bool> is_done; ///< by shard
    std::size_t open = 0;      ///< shards that have not answered
    time_point sent;
  };

  /// A reply that brings only some blocks, completed by the copy that is held.
  std::shared_ptr<const pull_reply> completed(shard_id shard,
                                              std::shared_ptr<const pull_reply> reply) const;
  void ask(standing state, worker_clock clock, time_point now, worker_effects& out);
  void pull(worker_clock clock, time_point now, worker_effects& out);
  pull_request request_for(shard_id shard) const;
  /// Pulls for the next step if it is known what: with tables, once its lease is here.
  void pull_ahead(time_point now, worker_effects& out);
  /// Does whatever has become possible.
  void advance(time_point now, worker_effects& out);
  void compute_if_ready(time_point now, worker_effects& out);
  void pull_other_rows(time_point now, worker_effects& out);
  bool looks_ahead(const lease& what) const {
    return options_.ahead == lookahead::one_step && what.round_size == 0;
  }
  void look_ahead(time_point now, worker_effects& out);
  void push(time_point now, worker_effects& out);
  void push_early(time_point now, worker_effects& out);
  void open(outgoing_push push, time_point now);
  void push_empty(push_verdict verdict, time_point now, worker_effects& out);
  void acknowledged(time_point now, worker_effects& out);
  std::shared_ptr<gradient_push> frame_of(const step_task& task, shard_id shard,
                                          const gradient_part& part) const;
  std::vector<std::shared_ptr<const gradient_push>> frames_for(shard_id shard) const;
  void emit_frames(shard_id shard, worker_effects& out) const;
  worker_report report(time_point now);

  worker_options options_;
  // The lease asked for, and the one in hand.
  lease_request request_;
  time_point request_sent_;
  bool is_asking_ = false;
  std::shared_ptr<const lease_grant> grant_;
  std::shared_ptr<const row_plan> plan_; ///< of the grant
  // The parameters asked for.
  std::optional<worker_clock> pulled_for_;
  std::shared_ptr<const row_plan> pulled_plan_; ///< whose rows were asked for
  bool is_pull_repeated_ = false;               ///< so each shard may answer it twice
  time_point pull_sent_;
  std::vector<std::shared_ptr<const pull_reply>> arrived_; ///< by shard; null: not here yet
  std::vector<std::shared_ptr<const pull_reply>> held_;    ///< last full copy, by shard
  std::vector<ops::tensor> rows_;                          ///< that came with `arrived_`
  // How long pulls and steps take, to pull just in time; the latter also for the feeder.
  recent_median pull_times_;
  recent_median batch_times_;          ///< a step's time over the ids of its lease
  std::optional<time_point> pull_due_; ///< when to ask for the parameters of the next step
  // The step under way, its result while the push before it is not acknowledged, and that push.
  std::shared_ptr<const step_task> computing_;
  worker_clock clock_; ///< of the step under way, or of the last one
  std::optional<step_result> result_;
  std::shared_ptr<const step_task> result_task_;
  std::optional<outgoing_push> outgoing_;
  std::vector<early_part> early_;     ///< of the step under way, not sent yet
  std::vector<settled_push> settled_; ///< not yet told to whoever computes
  cut_number cut_;                    ///< the highest one heard of
  bool is_finished_ = false;
  // Numbers for people.
  worker_report counts_;
  double loss_sum_ = 0;
  std::uint64_t loss_steps_ = 0;
  time_point waiting_since_;
  time_point computing_since_;
  time_point reported_;
};

} // namespace lagrange::runtime
