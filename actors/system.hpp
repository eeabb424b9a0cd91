/// \file
/// The configuration of an actor system of ours: message types, scheduler, network.
#pragma once

#include "actors/interfaces.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <cstdint>

namespace lagrange::actors {

enum class network : std::uint8_t {
  none,
  caf, ///< CAF's own network layer
};

enum class scheduling : std::uint8_t {
  pool,          ///< threads that share one queue: a hop between processes wakes fewer of them
  deterministic, ///< the caller runs every event, and time is virtual
};

class system_config : public caf::actor_system_config {
public:
  /// `threads` is how many run actors that have none of their own.
  system_config(network net, scheduling how, std::size_t threads);
};

} // namespace lagrange::actors
