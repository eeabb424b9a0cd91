#include "actors/evaluator.hpp"

#include "ops/devices.hpp"

namespace lagrange::actors {

using namespace runtime;

evaluator_actor::behavior_type evaluator(evaluator_actor::stateful_pointer<evaluator_state> self,
                                         std::shared_ptr<evaluation> what) {
  quit_on_exceptions(self);
  self->state.what = std::move(what);
  return {
      [self](const evaluation_order& order) {
        ops::bind_thread(1);
        return evaluation_done{self->state.what->run(order.parameters)};
      },
  };
}

} // namespace lagrange::actors
