/// \file
/// What a worker computes in one step: parameters from the shards together, forward, backward,
/// gradients apart again. Owns its buffers; used by one thread.
#pragma once

#include "ops/network.hpp"
#include "runtime/gradient_frames.hpp"
#include "runtime/local_steps.hpp"
#include "runtime/loss_scale.hpp"
#include "runtime/partition.hpp"
#include "runtime/push_encoder.hpp"
#include "runtime/row_exchange.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/worker.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace lagrange::runtime {

/// Hears of frames of the gradient that are ready while others are being computed; of no closing
/// one, and of none if its step turns out a skip later. Called by the thread that computes.
using part_sink = std::function<void(early_part)>;

class computation final : private ops::gradient_observer {
public:
  struct codecs {
    std::unique_ptr<codec> pull;           ///< null: parameters come as they are
    std::unique_ptr<push_encoder> encoder; ///< null: gradients go as they are
  };
  /// What the steps of one worker leave for its next ones. All else is of a step.
  struct memory {
    std::unique_ptr<push_encoder> encoder{}; ///< null: gradients go as they are
    bool has_recovered = false;              ///< the encoder
    cut_number cut{};                        ///< of the last step
    std::optional<loss_scale> scale{};       ///< under f16
    /// Not none: a lease is several batches, each a step taken here, and a result is the delta of
    /// all; its frames leave when the last is done. Of a model without tables.
    std::optional<local_steps> local{};
  };
  /// Requires: a partition of this network's parameters.
  computation(std::unique_ptr<ops::network> network, partition parts, codecs travel = {},
              std::size_t frame_elements = frame_elements_max);
  /// It is its network's observer.
  computation(computation&&) = default;

  /// Puts gradients into memory of this kind: the transport's, which it sends without a copy.
  void use_memory(const allocator& memory);
  /// Cuts of the job that came before this life: nothing is kept for them.
  void begin_after(cut_number cut) { memory_.cut = cut; }

  /// From now on gradients come with the scale that brings their norm down to `norm`; 0: none does.
  /// The norm is that of the whole gradient, over all shards, statistics apart.
  void clip_to(float norm) { clip_norm_ = norm; }
  /// From now on the network computes in f32, bf16 or f16; the last scales its loss.
  void compute_in(ops::dtype precision);
  /// From now on the network computes on this.
  void compute_on(std::unique_ptr<ops::processor> where);
  /// Of the job: with lease and attempt it decides the random numbers of a step.
  void draw_from(std::uint64_t seed) { seed_ = seed; }

  /// Goes on as the worker of this memory, and leaves that of the worker before: in a simulation
  /// many share one computation.
  void exchange(memory& other) { std::swap(memory_, other); }

  /// The gradient of the task's mean loss. A loss or gradient that is not finite becomes the
  /// verdict `skip`, with no gradients.
  step_result operator()(const step_task& task, const part_sink& ready = {});

  /// Loss and hits over a batch, forward only. With tables: of rows that hold all of touch().
  ops::scores evaluate(std::span<const std::shared_ptr<const pull_reply>> parameters,
                       const batch& samples, const held_rows& tables = {});
  /// The rows that an evaluation of the batch looks at. Requires: a network with tables.
  const ops::touched_rows& touch(const batch& samples);
  const ops::network& network() const { return *network_; }

private:
  void take_parameters(std::span<const std::shared_ptr<const pull_reply>> parameters);
  /// What the network gets: floats, or the i32 that the batch holds.
  const ops::tensor& as_seen(const batch& samples);
  /// Forward and backward. False: the loss or the gradient is not finite.
  bool train(const batch& samples, std::uint64_t key, const step_task& task, step_result& result);
  bool train_locally(const step_task& task, step_result& result);
  void on_final(std::size_t tensor) override;
  /// Makes the frames that this tensor's gradient completes.
  void finish(std::size_t tensor);
  /// Divides the gradient of a weight by the scale that the loss had.
  void unscale(std::size_t tensor);
  void begin_push(const step_task& task, const part_sink& ready);
  void end_push(step_result& result, const row_plan* plan);
  /// Of the last gradient, statistics apart; not finite if any value is not, or as a float it is
  /// not.
  float gradient_norm() const;
  /// A tensor for `shard`'s gradient that no message holds any more, or a new one.
  ops::tensor& free_gradient(shard_id shard);

  std::unique_ptr<ops::network> network_;
  partition parts_;
  gradient_frames frames_;
  std::optional<row_exchange> rows_; ///< of a network with tables
  ops::touched_rows touched_;        ///< of an evaluation
  std::vector<float> parameters_;    ///< flat, [N]
  std::vector<float> d_parameters_;
  std::unique_ptr<codec> pull_codec_;
  memory memory_;
  float clip_norm_ = 0;
  std::uint64_t seed_ = 0;
  std::vector<float> decoded_;                      ///< of one shard
  ops::tensor inputs_;                              ///< f32, of the last batch's shape
  std::vector<std::vector<ops::tensor>> gradients_; ///< by shard: memory to use in turn
  std::vector<std::size_t> places_;                 ///< of each parameter in the flat vectors
  // Of the step under way.
  lease_attempt_id what_;
  const part_sink* ready_ = nullptr;
  std::vector<std::uint32_t> row_frames_;        ///< by shard, behind the others
  std::size_t finished_ = 0;                     ///< frames
  std::vector<ops::tensor> gradient_;            ///< by shard
  std::vector<std::vector<gradient_part>> made_; ///< by shard, as step_result::parts
};

/// A batch of numbers as a network sees it: f32, inputs * scale + shift.
/// Requires: inputs of u8 or f32.
/// Shapes: inputs [B, ...] -> out [B, ...]; `out` is replaced when its shape is another.
void to_floats(const batch& samples, ops::tensor& out);

} // namespace lagrange::runtime
