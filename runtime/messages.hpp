/// \file
/// Every message of a job. Plain structs: they are what twins take and give, and what travels:
/// those of a step as frames of the tensor plane (schema/frame.capnp), the others between actors
/// (actors/interfaces.hpp).
#pragma once

#include "ops/tensor.hpp"
#include "runtime/error.hpp"
#include "runtime/membership.hpp"
#include "runtime/table_rows.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lagrange::runtime {

// ---- leases: worker <-> feeder ------------------------------------------------------------------

/// The right and duty to get some samples applied.
struct lease {
  lease_id id;
  lease_attempt attempt;
  std::uint32_t epoch = 0;
  /// Under a round policy: the round, and how many leases it has; otherwise 0 and 0.
  std::uint64_t round = 0;
  std::uint32_t round_size = 0;
  std::uint32_t batches = 1; ///< each has an id, from the lease's own on; 1, unless they vary
  cut_number cut{};          ///< when it was dealt
  bool operator==(const lease&) const = default;
};

/// What a worker that asks for a lease is doing.
enum class standing : std::uint8_t {
  joining = 0, ///< first request of this incarnation; the grant says at which clock it starts
  working,     ///< `clock` is the clock of the step that the lease is for
  idle,        ///< has left the clock table; waits in case a lease is dealt again
};

struct lease_request {
  stamp from;
  std::uint64_t sequence = 0; ///< among its incarnation's; a repeated one is answered alike
  worker_clock clock;
  standing state = standing::joining;
  std::chrono::nanoseconds batch_time{0}; ///< of computing, for each id of a lease; 0: not known
};

enum class grant_kind : std::uint8_t {
  batch = 0, ///< compute this
  tick,      ///< no lease is left in this round: push an empty tick
  idle,      ///< no lease is left: leave the clock table, then ask again as idle
  finished,  ///< every lease is closed
  discard,   ///< the feeder gives the lease up: compute nothing, push that
};

/// Samples as the data set stores them. A network sees inputs * scale + shift.
struct batch {
  ops::tensor inputs; ///< u8, f32 or i32 [B, ...]; i32 ones are seen as they are
  ops::tensor labels; ///< i32 [B], or [B, T] where each of a sample's T tokens has one
  float scale = 1;
  float shift = 0;
};

struct lease_grant {
  stamp from;
  std::uint64_t sequence = 0; ///< of the request it answers
  grant_kind kind = grant_kind::batch;
  lease what;
  worker_clock clock; ///< at which the lease is read, the tick is made, or the joiner starts
  batch samples;      ///< empty unless kind is batch
};

// ---- parameters: worker <-> shard ---------------------------------------------------------------

/// How the elements of a tensor that travels are written.
struct coding {
  std::string codec;          ///< name of the codec; empty: f32 as it is
  std::uint64_t elements = 0; ///< that the codec's bytes stand for; 0 without codec
  bool operator==(const coding&) const = default;
};

/// Values that `x`, written by `how`, stands for.
inline std::uint64_t elements_of(const ops::tensor& x, const coding& how) {
  if (x.empty()) return 0;
  return how.codec.empty() ? static_cast<std::uint64_t>(x.elements()) : how.elements;
}

struct pull_request {
  stamp from;
  worker_clock clock;    ///< at which the answer is used
  incarnation held_life; ///< incarnation of the shard that the worker's copy came from; 0: none
  shard_version held;    ///< version of the worker's copy
  table_rows rows;       ///< that the answer is to bring
};

struct pull_reply {
  stamp from;
  worker_clock clock; ///< of the request
  shard_version version;
  bool changed = true; ///< false: the held copy is current, `parameters` is empty
  ops::tensor
      parameters; ///< f32 [n], the shard's parameters one after another; u8 [bytes] if coded
  coding how;     ///< of `parameters`
  /// i32 [k]: `parameters` holds only these blocks of the shard, ascending; empty: all of them.
  ops::tensor blocks;
  std::array<lease_attempt_id, 2> taken; ///< of the one who asks: pushes taken last, the last first
  std::uint64_t samples = 0; ///< of the gradients in the parameters: how far the schedule is
  ops::tensor rows;          ///< f32 [M]: those that were asked for, as they are now; or empty
  cut_number cut{};          ///< of the shard when it was served

  static constexpr std::int64_t block_elements = 1024;
};

/// What is to become of a push.
enum class push_verdict : std::uint8_t {
  apply = 0,
  skip,    ///< the worker dropped the gradient (NaN, overflow): settle the lease, change nothing
  tick,    ///< no lease: only the clock moves
  leave,   ///< no lease: the worker leaves the clock table until its next pull
  discard, ///< the feeder gave the lease up: settle it, change nothing
};

/// One frame of a push. A push is whole when frames 0 .. frames-1 have come, in any order.
struct gradient_push {
  stamp from;
  worker_clock clock; ///< of the step that made it
  lease what;         ///< meaningless for tick and leave
  shard_version read; ///< version of this shard that the gradient was computed from
  /// Frames are numbered from the shard's last elements to its first: a gradient is computed so.
  std::uint32_t frame = 0;
  std::uint32_t frames = 1;
  std::uint64_t first = 0; ///< position of this frame's first element in the shard's blocks
  ops::tensor gradient;    ///< f32 [m], u8 [bytes] if coded; empty for skip, tick and leave
  coding how;              ///< of `gradient`
  // The rest counts in the closing frame (frame == frames - 1) alone, but for the samples.
  push_verdict verdict = push_verdict::apply;
  std::uint32_t samples = 0; ///< of the lease
  /// From 0 to 1: the gradient is multiplied by this when it is applied, statistics apart.
  float clip_scale = 1;
  // Of every frame.
  table_rows rows;          ///< whose gradients this frame brings
  ops::tensor row_gradient; ///< f32 [M], one row after another; empty without rows
  cut_number cut{};         ///< of the step: the same in all frames, to all shards
};

enum class push_outcome : std::uint8_t {
  partial = 0, ///< staged; more frames are needed
  taken,       ///< whole: applied, or kept for its round
  duplicate,   ///< the lease had been taken from another attempt; nothing was applied
};

struct push_ack {
  stamp from;
  lease_id what;
  lease_attempt attempt; ///< 0 for tick and leave
  worker_clock clock;
  push_outcome outcome = push_outcome::partial;
  shard_version version;
  cut_number cut{}; ///< of the shard when it took the push
};

/// Asks for what the shard holds now, whatever the policy: for the evaluator and the end of a job.
/// Answered by a pull_reply.
struct snapshot_request {
  stamp from;
  std::uint64_t sequence = 0; ///< comes back as the reply's clock
  table_rows rows;            ///< not empty: the answer brings these and nothing else
};

/// To whoever asked for what cannot be.
struct rejection {
  error why;
};

// ---- settlement: shard -> feeder ----------------------------------------------------------------

enum class lease_outcome : std::uint8_t {
  applied = 0,
  dropped,
  kept,      ///< for its round
  set_aside, ///< dropped, because the feeder gave it up
};

struct settled_lease {
  lease_id what;
  lease_attempt attempt;
  lease_outcome outcome = lease_outcome::applied;
};

/// Leases that a shard has entered since its last report.
struct settlement {
  stamp from;
  std::uint64_t sequence = 0;
  std::vector<settled_lease> leases;
};
struct settlement_ack {
  stamp from;
  std::uint64_t sequence = 0;
};

// ---- inspection: what CAF needs to carry the messages between actors ----------------------------

template <class Inspector>
auto inspect(Inspector& f, settled_lease& x) {
  return f(x.what, x.attempt, x.outcome);
}
template <class Inspector>
auto inspect(Inspector& f, settlement& x) {
  return f(x.from, x.sequence, x.leases);
}
template <class Inspector>
auto inspect(Inspector& f, settlement_ack& x) {
  return f(x.from, x.sequence);
}
} // namespace lagrange::runtime
