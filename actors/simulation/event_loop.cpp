#include "actors/simulation/event_loop.hpp"

#include <algorithm>

namespace lagrange::actors::simulation {

event_loop::event_loop(caf::actor_system& system, choice pick)
    : coordinator_(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())),
      pick_(std::move(pick)) {
  // CAF's virtual clock begins at zero; a moment later no age can be mistaken for "never".
  coordinator_.advance_time(std::chrono::hours(1));
}

bool event_loop::step() {
  auto& ready = coordinator_.jobs;
  ++events_;
  if (ready.empty()) return pass_time();
  if (pick_) {
    const auto chosen = static_cast<std::ptrdiff_t>(pick_(ready.size()));
    std::rotate(ready.begin(), ready.begin() + chosen, ready.begin() + chosen + 1);
  }
  coordinator_.run_once();
  return true;
}

bool event_loop::pass_time() {
  auto& clock = coordinator_.clock();
  const auto& timers = clock.schedule();
  if (due_.empty()) return coordinator_.trigger_timeout();
  if (!timers.empty() && timers.begin()->first < due_.begin()->first)
    return coordinator_.trigger_timeout();
  const auto next = due_.extract(due_.begin());
  clock.current_time = std::max(clock.current_time, next.key());
  next.mapped()();
  return true;
}

void event_loop::drain() {
  while (coordinator_.has_job()) coordinator_.run_once();
}

void event_loop::at(runtime::time_point when, std::function<void()> what) {
  due_.emplace(std::max(when, now()), std::move(what));
}

} // namespace lagrange::actors::simulation
