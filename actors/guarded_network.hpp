/// \file
/// CAF's network layer behind a greeting. CAF itself answers whoever connects; here nobody gets a
/// byte of it before the job's token is known on both sides, and under TLS not unless each has
/// shown a certificate. Then the connection is CAF's, as any other.
#pragma once

#include "actors/interfaces.hpp"
#include "runtime/transport/greeting.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>

#include <set>
#include <string>

namespace lagrange::actors {

/// How long a connection to a remote actor may take: the greeting, and CAF's own introduction.
constexpr std::chrono::seconds connect_limit{10};

namespace detail {
/// An actor and the messages that it understands.
struct guarded_actor {
  caf::strong_actor_ptr whom;
  std::set<std::string> signatures;
};
runtime::result<std::uint16_t> publish(caf::actor_system& system, const guarded_actor& what,
                                       const std::string& ip, std::uint16_t port,
                                       const runtime::transport::security& with);
runtime::result<caf::strong_actor_ptr> remote_actor(caf::actor_system& system,
                                                    const std::set<std::string>& signatures,
                                                    const std::string& host, std::uint16_t port,
                                                    const runtime::transport::security& with);
} // namespace detail

/// Closes the connection to another process, if there is one: nothing comes through it any more.
/// Returns at once; the connection is closed a moment later.
void disconnect(caf::actor_system& system, const caf::node_id& from);

/// Lets peers that know the token talk to an actor, until it ends. Port 0: any.
/// Returns: the port. Errors: bad_argument, naming the address; bad_file (a TLS file).
/// Requires: the system's configuration is an actors::system_config.
template <class Handle>
runtime::result<std::uint16_t> publish(caf::actor_system& system, const Handle& whom,
                                       const std::string& ip, std::uint16_t port,
                                       const runtime::transport::security& with) {
  caf::detail::type_list<Handle> type;
  const auto pointer = caf::actor_cast<caf::strong_actor_ptr>(whom);
  return detail::publish(system, {pointer, system.message_types(type)}, ip, port, with);
}

/// The actor that a peer has published; blocks for at most connect_limit.
/// Errors: those of call_tcp(); bad_argument (it does not understand the messages of a Handle).
/// Requires: the system's configuration is an actors::system_config.
template <class Handle>
runtime::result<Handle> remote_actor(caf::actor_system& system, const std::string& host,
                                     std::uint16_t port, const runtime::transport::security& with) {
  caf::detail::type_list<Handle> type;
  BOOST_OUTCOME_TRY(found,
                    detail::remote_actor(system, system.message_types(type), host, port, with));
  return caf::actor_cast<Handle>(std::move(found));
}

} // namespace lagrange::actors
