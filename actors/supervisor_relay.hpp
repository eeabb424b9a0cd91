/// \file
/// The relay: it stands for the supervisor in a node's process. Everybody there speaks to it as to
/// the supervisor itself, so that nobody but the relay knows when another one commands.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "runtime/supervisor_relay.hpp"
#include "runtime/transport/greeting.hpp"

#include <caf/stateful_actor.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace lagrange::actors {

struct relay_setup {
  runtime::relay_options options;
  supervisor_actor first; ///< that started the node
  runtime::transport::security security;
  std::function<runtime::command_sighting()> look;    ///< at the run's folder; null: there is none
  std::function<void(const std::string&)> last_words; ///< before the node ends; empty: silently
};

struct relay_state {
  static inline const char* name = "supervisor relay";
  std::optional<runtime::supervisor_relay> twin;
  std::shared_ptr<const relay_setup> setup;
  supervisor_actor present;
  using message = std::function<void(const supervisor_actor&)>;
  runtime::node_hello hello;
  node_actor node;
  message ready, follows;     ///< the last ones
  std::deque<message> untold; ///< while there was nobody to tell
};

/// Blocks while it connects to another supervisor, so it is spawned detached. Quits when the node
/// is to end.
supervisor_actor::behavior_type
supervisor_relay(supervisor_actor::stateful_pointer<relay_state> self,
                 std::shared_ptr<const relay_setup> setup);

} // namespace lagrange::actors
