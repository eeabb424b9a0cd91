#include "actors/evaluator.hpp"

#include "ops/devices.hpp"
#include "runtime/evaluation.hpp"

namespace lagrange::actors {

evaluator_actor::behavior_type evaluator(evaluator_actor::stateful_pointer<evaluator_state> self,
                                         std::shared_ptr<const evaluator_setup> setup) {
  quit_on_exceptions(self);
  self->state.setup = std::move(setup);
  return {
      [self](const evaluation_order& order) {
        ops::bind_thread(1);
        const auto& own = *self->state.setup;
        return evaluation_done{runtime::evaluate(*own.computation, *own.test, order.parameters)};
      },
  };
}

} // namespace lagrange::actors
