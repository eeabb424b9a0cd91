#include "actors/simulation/computing.hpp"

#include "ops/devices.hpp"

#include <caf/stateful_actor.hpp>

namespace lagrange::actors::simulation {

using namespace runtime;

namespace {

using timed_compute = compute_actor::extend<caf::reacts_to<wake_atom>>;

struct simulated_compute_state {
  static inline const char* name = "compute";
  std::shared_ptr<shared_computation> with;
  computation::memory own;
  std::shared_ptr<const step_task> task; ///< under way
  caf::typed_response_promise<step_done> answer;
};
using compute_pointer = timed_compute::stateful_pointer<simulated_compute_state>;

void finish(compute_pointer self) {
  auto& state = self->state;
  const auto task = std::exchange(state.task, nullptr);
  state.answer.deliver(
      step_done{std::make_shared<const step_result>(state.with->run(state.own, *task))});
}

timed_compute::behavior_type
compute_behavior(compute_pointer self, std::shared_ptr<shared_computation> with,
                 computation::memory own,
                 std::function<std::chrono::nanoseconds(worker_clock)> time) {
  quit_on_exceptions(self);
  self->state.with = std::move(with);
  self->state.own = std::move(own);
  return {
      [self, time = std::move(time)](const step_order& order) {
        LAGRANGE_EXPECT(!self->state.task, "two steps of one worker at a time");
        self->state.task = order.task;
        self->state.answer = self->make_response_promise<step_done>();
        self->delayed_send(self, time(order.task->clock) * order.task->what.batches,
                           wake_atom::value);
        return self->state.answer;
      },
      [self](wake_atom) { finish(self); },
  };
}

} // namespace

shared_computation::shared_computation(const job& what, const catalog& rows,
                                       const data_facts& facts)
    : what_(what), rows_(rows), facts_(facts),
      computation_(runtime::make_computation(what, rows, facts, memory_keeper())) {}

computation::memory shared_computation::make_memory(const memory_keeper& keeper,
                                                    cut_number cut) const {
  auto made = runtime::make_memory(what_, rows_, facts_, computation_.network(), keeper);
  made.cut = cut;
  return made;
}

step_result shared_computation::run(computation::memory& own, const step_task& task) {
  ops::bind_thread(static_cast<int>(what_.topology.threads));
  computation_.exchange(own);
  auto made = computation_(task);
  computation_.exchange(own);
  ++steps_;
  return made;
}

compute_maker simulated_compute(std::shared_ptr<shared_computation> with, step_plan times) {
  return [with = std::move(with), times = std::move(times)](caf::actor_system& system,
                                                            const compute_request& asked) {
    const auto time = [times, worker = worker_id{asked.who.name.index}](worker_clock clock) {
      return times(worker, clock);
    };
    return compute_actor(
        system.spawn(compute_behavior, with, with->make_memory(asked.keeper, asked.cut), time));
  };
}

} // namespace lagrange::actors::simulation
