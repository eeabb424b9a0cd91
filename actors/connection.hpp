/// \file
/// The connection to another process, below its actors: closed when what comes over it is no frame.
#pragma once

#include "actors/interfaces.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/connection_handle.hpp>
#include <caf/node_id.hpp>

namespace lagrange::actors {

/// Closes the network connection to `peer`, if there is one. Its actors then count as gone. Nothing
/// happens for this process itself, or in a system without a network.
void close_connection(caf::actor_system& system, const caf::node_id& peer);
/// The same for a connection over which no peer has presented itself.
void close_connection(caf::actor_system& system, caf::io::connection_handle which);

/// What an actor does with a peer that sent bytes which are no frame: the connection is closed, and
/// the supervisor replaces the peer if it is one of the job's.
template <class Self>
void give_up(Self* self, const supervisor_actor& supervisor, const caf::node_id& peer,
             const runtime::error& defect) {
  self->send(supervisor, peer, defect.text);
  close_connection(self->system(), peer);
}

} // namespace lagrange::actors
