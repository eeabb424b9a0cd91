// CAF gives no way to drop a peer, but its broker's routing table is public: it is read, and the
// connection closed, in the one thread that may do so, the network layer's event loop.
#include "actors/connection.hpp"

#include <caf/actor_cast.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>

namespace lagrange::actors {

namespace {

/// Runs in the event loop, on the broker that owns all connections.
template <class Close>
void at_broker(caf::io::middleman& network, Close close) {
  network.run_later([&network, close] {
    const auto broker = network.named_broker<caf::io::basp_broker>(caf::atom("BASP"));
    auto* basp = dynamic_cast<caf::io::basp_broker*>(caf::actor_cast<caf::abstract_actor*>(broker));
    if (basp != nullptr) close(*basp);
  });
}

} // namespace

void close_connection(caf::actor_system& system, const caf::node_id& peer) {
  if (!system.has_middleman() || !peer || peer == system.node()) return;
  at_broker(system.middleman(), [peer](caf::io::basp_broker& basp) {
    if (const auto connection = basp.instance.tbl().lookup_direct(peer)) basp.close(*connection);
  });
}

void close_connection(caf::actor_system& system, caf::io::connection_handle which) {
  at_broker(system.middleman(), [which](caf::io::basp_broker& basp) { basp.close(which); });
}

} // namespace lagrange::actors
