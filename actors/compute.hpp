/// \file
/// The compute actor: a thread of the worker's own that runs one step at a time (spawn it
/// detached), so that the worker goes on talking while it computes.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "runtime/computation.hpp"

#include <caf/stateful_actor.hpp>

#include <memory>
#include <optional>

namespace lagrange::actors {

struct compute_state {
  static inline const char* name = "compute";
  std::shared_ptr<runtime::computation> computation;
};

/// `threads` is how many cores the step may use.
compute_actor::behavior_type compute(compute_actor::stateful_pointer<compute_state> self,
                                     std::shared_ptr<runtime::computation> computation,
                                     std::uint32_t threads);

} // namespace lagrange::actors
