/// \file
/// What the journals of all shards together say was computed: each worker's steps in order, with
/// what each read and what became of it, and each shard's updates in order. From this a run can be
/// recomputed in any order that respects what was read; runtime/replay does.
#pragma once

#include "runtime/journal_file.hpp"

#include <map>
#include <optional>
#include <vector>

namespace lagrange::runtime {

/// What a shard did with a push.
enum class push_fate : std::uint8_t {
  unseen = 0, ///< it never came whole: its worker died
  taken,
  refused, ///< another attempt at the lease had been taken
};

/// A step and one shard.
struct step_at_shard {
  push_fate fate = push_fate::unseen;
  /// Versions that the step may have read there: the one that its push names, or those that were
  /// served for its clock, the first one first.
  std::vector<shard_version> read;
  std::optional<shard_version> update; ///< that brought it in; none: it was not applied
  bool has_checksum = false;
  std::uint32_t checksum = 0; ///< of its push, as the shard received it
  float clip_scale = 1;
  bool is_compensated = false;
  /// Of the first step of a worker's life, and of the last: what the shard had taken of the worker
  /// before, the last one first.
  std::array<lease_attempt_id, 2> taken_before{};
};

/// A batch's gradient, as one worker computed it.
struct replay_step {
  worker_id worker;
  incarnation life;
  worker_clock clock;
  lease_attempt_id what;
  std::uint32_t samples = 0;
  bool was_dropped = false; ///< by the worker: it was not finite
  std::vector<step_at_shard> shards;
};

/// Steps that entered a shard as one version, by their places in replay_plan::steps.
struct replay_update {
  shard_version becomes;
  std::vector<std::size_t> steps; ///< several in a round, in the order of their sum
  bool is_round = false;          ///< perhaps of one
};

struct replay_shard {
  std::vector<replay_update> updates;
  std::map<shard_version, sha256_digest> states;
};

struct replay_plan {
  std::vector<replay_step> steps; ///< by worker, and then in the order of the worker's clock
  std::vector<replay_shard> shards;
};

/// Requires: a journal of each shard, by number. Errors: bad_file, naming the shard and the entry
/// that cannot follow those before it.
result<replay_plan> make_replay_plan(std::span<const journal> journals);

} // namespace lagrange::runtime
