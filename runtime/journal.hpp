/// \file
/// What a shard did, in the order in which it did it: the record that checkers watch in simulation
/// and that audit and replay are to be built on.
#pragma once

#include "runtime/messages.hpp"

#include <functional>

namespace lagrange::runtime {

enum class journal_kind : std::uint8_t {
  served = 0, ///< a pull was answered
  applied,    ///< a lease's gradient went into the parameters
  dropped,    ///< a lease was settled without being applied
  duplicate,  ///< a push came whose lease had been taken
  ticked,     ///< a worker's clock moved without a lease
  left,       ///< a worker left the clock table
};

struct journal_entry {
  journal_kind kind = journal_kind::served;
  worker_id worker;
  incarnation life;
  worker_clock clock;    ///< of the pull's use, or of the step pushed
  shard_version version; ///< of the shard, after what is recorded
  worker_clock slowest;  ///< served: the slowest live clock
  lease_id what;         ///< not for served
  lease_attempt attempt;
  std::uint64_t staleness = 0; ///< applied: versions between the read and the apply
};

/// Where a shard's entries go; empty: nowhere.
using journal_sink = std::function<void(shard_id, const journal_entry&)>;

} // namespace lagrange::runtime
