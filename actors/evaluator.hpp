/// \file
/// The evaluator: tests published parameters on the test set, on a thread of its own (spawn it
/// detached), never in a worker's way.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "runtime/evaluation.hpp"

#include <caf/stateful_actor.hpp>

#include <memory>

namespace lagrange::actors {

struct evaluator_state {
  static inline const char* name = "evaluator";
  std::shared_ptr<runtime::evaluation> what;
};

evaluator_actor::behavior_type evaluator(evaluator_actor::stateful_pointer<evaluator_state> self,
                                         std::shared_ptr<runtime::evaluation> what);

} // namespace lagrange::actors
