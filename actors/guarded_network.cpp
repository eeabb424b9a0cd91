// The broker that speaks CAF's protocol takes connections from anywhere: it is asked to introduce
// itself over one ("publish") or to await an introduction ("connect"), by the messages that CAF's
// own middleman sends it. Ours has greeted the peer before.
#include "actors/guarded_network.hpp"

#include "actors/system.hpp"
#include "runtime/transport/patience.hpp"
#include "runtime/transport/sockets.hpp"

#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lagrange::actors::detail {

namespace {

using namespace runtime;
using transport::security;
using transport::stream;

caf::actor broker_of(caf::actor_system& system) {
  return system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
}

/// A greeted stream as CAF takes it: without TLS the socket itself, else an end of a pair whose
/// other end a thread of ours serves. None: the process has no descriptor left.
caf::io::scribe_ptr to_caf_connection(caf::actor_system& system, std::unique_ptr<stream> greeted,
                                      const security& with) {
  transport::descriptor socket;
  if (with.tls)
    socket = dynamic_cast<const system_config&>(system.config()).relay().lend(std::move(greeted));
  else
    socket.reset(::fcntl(greeted->pollable(), F_DUPFD_CLOEXEC, 0)); // the stream closes its own
  if (!socket) return nullptr;
  return system.middleman().backend().new_scribe(socket.release());
}

auto no_descriptor() {
  return failure(errc::job_failed, "no descriptor is left for a connection: a higher limit (ulimit "
                                   "-n) would help");
}

/// CAF gives no way to drop a connection over which nobody has presented himself; its broker does,
/// in the one thread that may ask it: the network layer's event loop.
void close(caf::actor_system& system, caf::io::connection_handle which) {
  system.middleman().run_later([broker = broker_of(system), which] {
    auto* basp = dynamic_cast<caf::io::basp_broker*>(caf::actor_cast<caf::abstract_actor*>(broker));
    if (basp != nullptr) basp->close(which);
  });
}

/// Waits until the actor at the other end has presented itself.
result<guarded_actor> await_introduction(caf::actor_system& system, caf::io::scribe_ptr connection,
                                         std::uint16_t port, std::chrono::milliseconds left) {
  caf::scoped_actor self(system);
  guarded_actor found;
  caf::error refused;
  const auto which = connection->hdl();
  self->request(broker_of(system), left, caf::connect_atom::value, std::move(connection), port)
      .receive(
          [&](caf::node_id&, caf::strong_actor_ptr& whom, std::set<std::string>& signatures) {
            found = {std::move(whom), std::move(signatures)};
          },
          [&](caf::error& why) { refused = std::move(why); });
  if (!refused) return found;
  if (refused == caf::sec::request_timeout) close(system, which); // else CAF has
  return failure(errc::peer_gone,
                 "knows the token but presents no actor: " + caf::to_string(refused));
}

} // namespace

result<std::uint16_t> publish(caf::actor_system& system, const guarded_actor& what,
                              const std::string& ip, std::uint16_t port, const security& with) {
  if (with.tls) {
    BOOST_OUTCOME_TRY(transport::check_tls(*with.tls));
  }
  auto introduce = [&system, what, with](std::unique_ptr<stream> peer) {
    const auto at = transport::port_of(peer->pollable());
    if (auto connection = to_caf_connection(system, std::move(peer), with))
      caf::anon_send(broker_of(system), caf::publish_atom::value, std::move(connection), at,
                     what.whom, what.signatures);
  };
  BOOST_OUTCOME_TRY(opened, transport::listen_tcp(ip, port, with, std::move(introduce)));
  const auto actual = opened->port();
  // The port is closed when the actor ends, and so before its system does.
  std::shared_ptr<transport::greeter> door = std::move(opened);
  what.whom->get()->attach_functor([door]() mutable { door.reset(); });
  return actual;
}

result<caf::strong_actor_ptr> remote_actor(caf::actor_system& system,
                                           const std::set<std::string>& signatures,
                                           const std::string& host, std::uint16_t port,
                                           const security& with) {
  const auto deadline = std::chrono::steady_clock::now() + connect_limit;
  BOOST_OUTCOME_TRY(peer, transport::call_tcp(host, port, with, deadline));
  auto connection = to_caf_connection(system, std::move(peer), with);
  if (!connection) return no_descriptor();
  const std::chrono::milliseconds left(transport::poll_timeout(deadline));
  BOOST_OUTCOME_TRY(found, await_introduction(system, std::move(connection), port, left));
  if (!found.whom)
    return failure(errc::peer_gone, fmt::format("{}:{}: no actor is there any more", host, port));
  if (!system.assignable(found.signatures, signatures))
    return failure(errc::bad_argument,
                   fmt::format("{}:{}: another kind of actor than expected: it understands {}, "
                               "expected {}; are both processes the same program?",
                               host, port, fmt::join(found.signatures, ", "),
                               fmt::join(signatures, ", ")));
  return std::move(found.whom);
}

} // namespace lagrange::actors::detail

namespace lagrange::actors {

void disconnect(caf::actor_system& system, const caf::node_id& from) {
  system.middleman().run_later([broker = detail::broker_of(system), from] {
    auto* basp = dynamic_cast<caf::io::basp_broker*>(caf::actor_cast<caf::abstract_actor*>(broker));
    if (basp == nullptr) return;
    const auto connection = basp->instance.tbl().lookup_direct(from);
    if (!connection) return;
    basp->connection_cleanup(*connection, caf::sec::remote_lookup_failed); // as if it had ended
    basp->close(*connection);
  });
}

} // namespace lagrange::actors
