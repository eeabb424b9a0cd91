#include "actors/compute.hpp"

#include "ops/devices.hpp"

#include <algorithm>

namespace lagrange::actors {

namespace {

using namespace runtime;
using compute_pointer = timed_compute_actor::stateful_pointer<compute_state>;

step_done run(compute_pointer self, const step_order& order, const part_sink& tell) {
  auto& setup = self->state.setup;
  ops::bind_thread(static_cast<int>(setup.threads)); // of this thread, so made where it runs
  return {std::make_shared<const step_result>((*setup.computation)(*order.task, tell))};
}

/// One step as fast as it goes; parts of its gradient are told of while it runs.
caf::result<step_done> run_plain(compute_pointer self, const step_order& order) {
  return run(self, order, [&](early_part part) {
    self->send(order.tells, part_done{std::make_shared<const early_part>(std::move(part))});
  });
}

/// One step that takes as long as it is to take.
caf::result<step_done> run_stretched(compute_pointer self, const step_order& order) {
  const auto& setup = self->state.setup;
  const auto began = now(self);
  self->state.held = run(self, order, {});
  self->state.waiting = self->make_response_promise<step_done>();
  const auto factor = setup.injected.stretch_of(setup.worker) *
                      setup.injected.jitter(setup.worker, order.task->clock);
  self->delayed_send(self, stretch_left(now(self) - began, factor), stretched_atom::value);
  return self->state.waiting;
}

} // namespace

std::chrono::nanoseconds stretch_left(std::chrono::nanoseconds taken, double factor) {
  // Before the worker gives the step up.
  const std::chrono::duration<double> most = step_deadline / 2;
  const std::chrono::duration<double> left = taken * std::max(factor - 1, 0.0);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::min(left, most));
}

timed_compute_actor::behavior_type compute(compute_pointer self, compute_setup setup) {
  quit_on_exceptions(self);
  const bool is_plain =
      setup.injected.stretch_of(setup.worker) == 1 && setup.injected.jitter_sigma == 0;
  self->state.setup = std::move(setup);
  return {
      [self, is_plain](const step_order& order) {
        return is_plain ? run_plain(self, order) : run_stretched(self, order);
      },
      [self](stretched_atom) { self->state.waiting.deliver(std::exchange(self->state.held, {})); },
  };
}

} // namespace lagrange::actors
