/// \file
/// All that a shard has to know to go on as if nothing had happened: what is captured at a cut,
/// what a part of a checkpoint holds, and what a restored shard begins with.
///
/// It does not hold
///   - who lives and where they are, and the clocks of single workers: a term begins with every
///     worker dead, and all of them start at one clock;
///   - pulls that wait, frames of pushes that are not whole, ticks of an open round: their makers
///     are dead, and what they were for is asked for and done again;
///   - settlements that the feeder has not acknowledged: it learns all of them from `taken`;
///   - copies of what workers read, by which late gradients are compensated: gradients of dead
///     workers do not come any more;
///   - a switch of the policy that is under way: its supervisor is dead, too;
///   - what can be made again: what was published, and the bytes that a pull codec makes of it (it
///     draws from the seed and the version);
///   - which version's hash was noted last: a restored shard may note that again.
#pragma once

#include "ops/tensor.hpp"
#include "runtime/lease_set.hpp"
#include "runtime/messages.hpp"
#include "runtime/reports.hpp"
#include "runtime/table_split.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lagrange::runtime {

struct shard_state {
  /// A part of an optimizer's state, as ops::optimizer_state names it. Immutable.
  struct named_values {
    std::string name;
    ops::tensor values; ///< f32 [N]
  };
  struct table {
    table_shape shape;  ///< `rows` are the shard's own
    ops::tensor rows;   ///< i32 [k], ascending: those that are here; empty: all of them
    ops::tensor values; ///< f32 [k * width]
    std::vector<named_values> optimizer;
  };

  shard_id shard;
  std::uint32_t shards = 1; ///< of the job
  cut_number cut;           ///< that this state belongs to
  cut_number base;          ///< whose state has the rows that are not here; 0: all are here
  shard_version version;
  std::uint64_t records = 0; ///< in the journal of its term when it was captured
  std::uint64_t samples_applied = 0;
  ops::tensor values; ///< f32 [n], without tables
  std::vector<named_values> optimizer;
  ops::tensor compensation; ///< f32 [n], what a compensation has gathered; or [0]
  std::vector<table> tables;
  lease_set taken;
  lease_set entered;
  /// At which every worker of a next term starts: the highest of any worker, and not below the
  /// round. Of several shards, the highest of them all counts.
  worker_clock clock;
  std::uint64_t round = 0; ///< that is open, if there are rounds
  /// Policies that it was switched to, each with the clock from which on it judges.
  std::vector<std::pair<worker_clock, std::string>> rulings;
  std::map<worker_id, std::array<lease_attempt_id, 2>> last_taken;
  shard_report counts; ///< the twin's own: without who speaks, bytes, and pulls that wait
};

} // namespace lagrange::runtime
