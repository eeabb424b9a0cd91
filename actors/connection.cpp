// CAF gives no way to drop a peer, but its broker's routing table is public: it is read, and the
// connection closed, in the one thread that may do so, the network layer's event loop.
#include "actors/connection.hpp"

#include <caf/actor_cast.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>

namespace lagrange::actors {

void close_connection(caf::actor_system& system, const caf::node_id& peer) {
  if (!system.has_middleman() || !peer || peer == system.node()) return;
  auto& network = system.middleman();
  network.run_later([&network, peer] {
    const auto broker = network.named_broker<caf::io::basp_broker>(caf::atom("BASP"));
    auto* basp = dynamic_cast<caf::io::basp_broker*>(caf::actor_cast<caf::abstract_actor*>(broker));
    if (basp == nullptr) return;
    if (const auto connection = basp->instance.tbl().lookup_direct(peer)) basp->close(*connection);
  });
}

} // namespace lagrange::actors
