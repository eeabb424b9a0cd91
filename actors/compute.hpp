/// \file
/// The compute actor: a thread of the worker's own that runs one step at a time (spawn it
/// detached), so that the worker goes on talking while it computes.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "runtime/chaos.hpp"
#include "runtime/computation.hpp"

#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <memory>
#include <optional>

namespace lagrange::actors {

/// The time that a step is stretched by is over; from the actor to itself.
using stretched_atom = caf::atom_constant<caf::atom("stretched")>;
using timed_compute_actor = compute_actor::extend<caf::reacts_to<stretched_atom>>;

struct compute_setup {
  std::shared_ptr<runtime::computation> computation;
  std::uint32_t threads = 1; ///< how many cores a step may use
  runtime::worker_id worker; ///< whose steps these are, with the next: how long they are to take
  runtime::chaos injected;
};

struct compute_state {
  static inline const char* name = "compute";
  compute_setup setup;
  /// The step whose result is held back until its injected time is over.
  caf::typed_response_promise<step_done> waiting;
  step_done held;
};

/// A stretched step tells of no parts before its end: all of its gradient leaves with the result,
/// when the injected time is over.
timed_compute_actor::behavior_type
compute(timed_compute_actor::stateful_pointer<compute_state> self, compute_setup setup);

/// What is left to wait after a step that took `taken`: a step cannot be made faster, so a factor
/// below 1 counts as 1.
std::chrono::nanoseconds stretch_left(std::chrono::nanoseconds taken, double factor);

} // namespace lagrange::actors
