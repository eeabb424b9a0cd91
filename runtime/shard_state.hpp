/// \file
/// All that a shard has to know to go on as if nothing had happened: what is captured at a cut,
/// what a part of a checkpoint holds, and what a restored shard begins with.
///
/// It does not hold who lives and where they are: a term begins with every worker dead.
#pragma once

#include "ops/tensor.hpp"
#include "runtime/lease_set.hpp"
#include "runtime/messages.hpp"
#include "runtime/reports.hpp"

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
    ops::tensor values; ///< f32 [rows * width], the shard's own rows
    std::vector<named_values> optimizer;
  };

  shard_id shard;
  std::uint32_t shards = 1; ///< of the job
  cut_number cut;           ///< that this state belongs to
  shard_version version;
  std::uint64_t records = 0; ///< in the journal of its term when it was captured
  std::uint64_t samples_applied = 0;
  ops::tensor values; ///< f32 [n], without tables
  std::vector<named_values> optimizer;
  std::vector<table> tables;
  lease_set taken;
  lease_set entered;
  /// Batches of the leases in `taken` that have several.
  std::map<lease_id, std::uint32_t> batches;
  worker_clock clock; ///< the highest of any worker
  std::uint64_t round = 0;
  /// Policies, each with the clock from which on it judges; the first one from clock 0.
  std::vector<std::pair<worker_clock, std::string>> rulings;
  std::map<worker_id, std::array<lease_attempt_id, 2>> last_taken;
  shard_report counts;
};

} // namespace lagrange::runtime
