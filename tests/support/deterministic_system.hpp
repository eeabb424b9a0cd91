/// \file
/// An actor system whose events the test runs one by one, and whose time is virtual.
#pragma once

#include "actors/system.hpp"

#include <caf/actor_system.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>

namespace lagrange::tests {

class deterministic_system {
public:
  deterministic_system()
      : config_(actors::network::none, actors::scheduling::deterministic, 1), system_(config_),
        coordinator_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())) {}

  caf::actor_system& system() { return system_; }
  /// Runs every event that is due, without moving time.
  void run() {
    while (coordinator_.has_job()) coordinator_.run_once();
  }
  /// Lets time pass, and runs what it makes due.
  void pass(caf::timespan time) {
    coordinator_.advance_time(time);
    run();
  }

private:
  actors::system_config config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& coordinator_;
};

} // namespace lagrange::tests
