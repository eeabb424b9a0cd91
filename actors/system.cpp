#include "actors/system.hpp"

#include <caf/atom.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/io/middleman.hpp>

namespace lagrange::actors {

system_config::system_config(network net, scheduling how, std::size_t threads)
    : relay_(std::make_unique<runtime::transport::stream_relay>()) {
  add_message_types<caf::id_block::lagrange>();
  if (net == network::caf) load<caf::io::middleman>();
  set("scheduler.policy",
      how == scheduling::deterministic ? caf::atom("testing") : caf::atom("sharing"));
  set("scheduler.max-threads", threads);
  // CAF's heartbeats stay off, as they are by default: bulk frames would make healthy peers look
  // dead, and process exits and closed sockets tell of deaths.
  set("logger.verbosity", caf::atom("quiet"));
}

} // namespace lagrange::actors
