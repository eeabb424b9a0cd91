/// \file
/// What happens next in a simulation: an actor that has something to do, or else the next moment at
/// which something will. Time is virtual and moves only when everybody is idle.
///
/// Invariant: RE-1 (the order of events is a function of what the actors do, and of nothing else).
#pragma once

#include "runtime/staleness/policy.hpp"

#include <caf/actor_system.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <cstdint>
#include <functional>
#include <map>

namespace lagrange::actors::simulation {

class event_loop {
public:
  /// Of so many actors that could go on, the one that does.
  using choice = std::function<std::size_t(std::size_t ready)>;

  /// Without a choice: the one that has waited longest.
  /// Requires: a system with deterministic scheduling, whose events nobody else runs.
  explicit event_loop(caf::actor_system& system, choice pick = {});

  /// One event. False: nothing will ever happen again.
  bool step();
  /// Runs all that is due, without moving time.
  void drain();

  runtime::time_point now() const { return coordinator_.clock().current_time; }
  /// Does `what` at that moment, before any actor's timer of the same moment. A moment that is over
  /// means now.
  void at(runtime::time_point when, std::function<void()> what);

  std::uint64_t events() const { return events_; }

private:
  bool pass_time();

  caf::scheduler::test_coordinator& coordinator_;
  choice pick_;
  std::multimap<runtime::time_point, std::function<void()>> due_;
  std::uint64_t events_ = 0;
};

} // namespace lagrange::actors::simulation
