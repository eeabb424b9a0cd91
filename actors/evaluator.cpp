#include "actors/evaluator.hpp"

#include "ops/devices.hpp"

#include <algorithm>
#include <numeric>

namespace lagrange::actors {

namespace {

using namespace runtime;

/// Samples of one forward pass: large enough for the products, small enough for the cache.
constexpr std::size_t batch_samples = 250;

ops::scores evaluate(const evaluator_setup& setup, const evaluation_order& order) {
  ops::scores total;
  std::vector<std::uint32_t> positions;
  for (std::size_t first = 0; first < setup.test->size(); first += batch_samples) {
    positions.resize(std::min(batch_samples, setup.test->size() - first));
    std::iota(positions.begin(), positions.end(), static_cast<std::uint32_t>(first));
    const auto part = setup.computation->evaluate(order.parameters, setup.test->gather(positions));
    total.loss_sum += part.loss_sum;
    total.correct += part.correct;
    total.samples += part.samples;
  }
  return total;
}

} // namespace

evaluator_actor::behavior_type evaluator(evaluator_actor::stateful_pointer<evaluator_state> self,
                                         std::shared_ptr<const evaluator_setup> setup) {
  quit_on_exceptions(self);
  self->state.setup = std::move(setup);
  return {
      [self](const evaluation_order& order) {
        ops::bind_thread(1);
        return evaluation_done{evaluate(*self->state.setup, order)};
      },
  };
}

} // namespace lagrange::actors
