#include "actors/compute.hpp"

#include "ops/devices.hpp"

namespace lagrange::actors {

compute_actor::behavior_type compute(compute_actor::stateful_pointer<compute_state> self,
                                     std::shared_ptr<runtime::computation> computation,
                                     std::uint32_t threads) {
  quit_on_exceptions(self);
  self->state.computation = std::move(computation);
  return {
      [self, threads](const step_order& order) {
        ops::bind_thread(static_cast<int>(threads)); // a setting of this thread, made where it runs
        const auto tell = [&](runtime::early_part part) {
          self->send(order.tells,
                     part_done{std::make_shared<const runtime::early_part>(std::move(part))});
        };
        return step_done{std::make_shared<const runtime::step_result>(
            (*self->state.computation)(*order.task, tell))};
      },
  };
}

} // namespace lagrange::actors
