#include "actors/system.hpp"

#include <caf/atom.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/io/middleman.hpp>

namespace lagrange::actors {

system_config::system_config(network net, scheduling how, std::size_t threads) {
  add_message_types<caf::id_block::lagrange>();
  if (net == network::caf) load<caf::io::middleman>();
  set("scheduler.policy",
      how == scheduling::deterministic ? caf::atom("testing") : caf::atom("sharing"));
  set("scheduler.max-threads", threads);
  // Bulk frames would make healthy peers look dead; process exits and closed sockets tell of deaths.
  set("middleman.heartbeat-interval", std::size_t{0});
  set("logger.verbosity", caf::atom("quiet"));
}

} // namespace lagrange::actors
