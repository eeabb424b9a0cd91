/// \file
/// How a worker's gradients are written for its shards: by the job's codec, with what earlier
/// pushes left unsent added, in pieces of one frame. Part of what the worker computes; used by one
/// thread.
///
/// Invariant: CO-1 (a push carries gradient + residual, and what it leaves is the next residual).
/// Papers: Seide et al. 2014 (error feedback), Lin et al. 2018.
#pragma once

#include "runtime/codec/codec.hpp"
#include "runtime/gradient_frames.hpp"
#include "runtime/residual.hpp"
#include "runtime/worker.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// Memory that outlives the worker. Zero when it is fresh, aligned to residual::alignment.
using lasting_memory = std::shared_ptr<std::span<std::byte>>;

/// Gives a worker memory of that many bytes, as its last life left it.
using memory_keeper = std::function<lasting_memory(std::size_t bytes)>;
/// Memory that lasts as long as this process needs it.
lasting_memory fresh_memory(std::size_t bytes);

/// What a worker had not sent when its term began, as runtime/residual lays it out; empty: nothing.
using unsent_source = std::function<std::vector<std::byte>(worker_id)>;
/// Memory that begins with that; `unsent` may be null. Errors: throws device_error when it is of
/// another size.
lasting_memory begun_memory(std::size_t bytes, worker_id worker, const unsent_source& unsent);

struct encoder_options {
  std::unique_ptr<codec> writes;
  lasting_memory memory;             ///< residual::bytes_for(elements) bytes
  std::vector<std::size_t> elements; ///< by shard
  std::uint64_t seed = 0;            ///< of the job, for a codec that draws
};

class push_encoder {
public:
  /// Errors: throws device_error when the memory holds no residual of these sizes.
  explicit push_encoder(encoder_options options);

  /// Before any other call: the shards say what they took of earlier incarnations.
  void recover(std::span<const std::shared_ptr<const pull_reply>> replies);
  /// The shards have answered these pushes. Those of other incarnations do not count. A push that a
  /// shard refused is undone when the push after it has been made, whether its answer came before
  /// that or after: so a push depends on what was taken, and not on when the answer came (RE-1).
  void settle(std::span<const settled_push> answers);
  /// A push begins. Requires: at most one unanswered push, none that has begun.
  void begin(lease_attempt_id what);
  /// A frame of it, with what was left unsent there. It may leave before the push ends: a shard
  /// takes none that is not whole, and the closing frame leaves afterwards.
  /// Shapes: gradient [frame.elements].
  gradient_part encode(const gradient_frame& frame, std::span<const float> gradient);
  /// Every frame is written: from here on the push counts.
  void end();
  /// Instead of end(): the push is none, and what was unsent stays so.
  void abandon();

  /// The memory as it is: what a crash now would leave to the next life. Cost: a copy.
  std::shared_ptr<const std::vector<std::byte>> copy() const;
  /// The Euclidean norm of what has not been sent, over all shards; a push that was refused and is
  /// not undone yet counts as sent. Cost: one pass.
  double residual_norm() const;

private:
  struct pending_push {
    push_sequence sequence;
    lease_attempt_id what;
    std::size_t answers = 0;
    std::vector<shard_id> refused; ///< and not undone yet
  };
  void undo_refused();
  /// Memory of that many bytes that no frame holds any more, or new.
  ops::tensor room(std::size_t bytes);

  encoder_options options_;
  residual residual_;
  std::deque<pending_push> pending_;
  std::optional<lease_attempt_id> begun_;
  std::vector<ops::tensor> rooms_;
};

} // namespace lagrange::runtime
