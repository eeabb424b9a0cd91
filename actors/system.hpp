/// \file
/// The configuration of an actor system of ours: message types, scheduler, network.
#pragma once

#include "actors/interfaces.hpp"
#include "runtime/transport/stream_relay.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <cstdint>
#include <memory>

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

  /// Carries CAF's connections under TLS. It is kept here because it outlives them: the system ends
  /// before its configuration does.
  runtime::transport::stream_relay& relay() const { return *relay_; }

private:
  std::unique_ptr<runtime::transport::stream_relay> relay_;
};

} // namespace lagrange::actors
