// A peer on the network that sends what is no frame, or no CAF at all: an error, a closed
// connection, and everybody else goes on.
#include "actors/connection.hpp"
#include "actors/shard.hpp"

#include "actors/system.hpp"

#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

using namespace lagrange;
using namespace lagrange::runtime;

namespace {

constexpr std::chrono::seconds patience{20};

/// A shard without job: it takes any frame and answers with the same empty reply.
actors::shard_actor::behavior_type listening(actors::shard_actor::pointer self) {
  return {
      [self](const framed<pull_request>& x) -> caf::result<framed<pull_reply>> {
        if (x) return framed<pull_reply>(pull_reply{x->from, x->clock, {}, false, {}});
        actors::close_connection(self->system(), self->current_sender()->node());
        return actors::to_caf(x.defect);
      },
      [](const framed<gradient_push>&) { return push_ack{}; },
      [](const snapshot_request&) { return framed<pull_reply>(); },
      [](const membership_view& x) { return view_ack{x.from}; },
      [](actors::tick_atom) {},
  };
}

/// One actor system with a network, as each process of a job has.
struct process {
  actors::system_config config{actors::network::caf, actors::scheduling::pool, 2};
  caf::actor_system system{config};
};

/// Whether the other side closes the connection before `patience` is over.
bool is_closed_by_peer(int socket) {
  char bytes[4096];
  pollfd wait{socket, POLLIN, 0};
  while (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) == 1)
    if (::recv(socket, bytes, sizeof bytes, 0) <= 0) return true;
  return false;
}

int connect_to(std::uint16_t port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(made, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  return made;
}

const pull_request honest{{{7}, {1}, {1}, {actor_role::worker, 0}, {1}}, {3}, {}, {}};

void expect_service(process& from, const actors::shard_actor& shard) {
  caf::scoped_actor self(from.system);
  self->request(shard, patience, framed<pull_request>(honest))
      .receive([](const framed<pull_reply>& x) { CHECK(x->clock == honest.clock); },
               [](const caf::error& why) { FAIL(caf::to_string(why)); });
}

} // namespace

TEST_CASE("a peer that sends no frame gets an error and a closed connection", "[actors][wire]") {
  process here;
  const auto shard = here.system.spawn(listening);
  const auto port = here.system.middleman().publish(shard, 0, "127.0.0.1");
  REQUIRE(port);
  process there;
  process rogue;
  const auto seen = there.system.middleman().remote_actor<actors::shard_actor>("127.0.0.1", *port);
  const auto misused =
      rogue.system.middleman().remote_actor<actors::shard_actor>("127.0.0.1", *port);
  REQUIRE(seen);
  REQUIRE(misused);
  caf::scoped_actor self(rogue.system);
  self->monitor(*misused);
  self->send(*misused, framed<pull_request>()); // travels as no bytes at all
  bool is_closed = false;
  self->receive([&](const caf::down_msg&) { is_closed = true; },
                caf::after(patience) >> [] { FAIL("the connection stays open"); });
  CHECK(is_closed);
  expect_service(there, *seen);
  caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
}

TEST_CASE("bytes that no node would send close their connection and disturb nobody",
          "[actors][wire]") {
  process here;
  const auto shard = here.system.spawn(listening);
  const auto port = here.system.middleman().publish(shard, 0, "127.0.0.1");
  REQUIRE(port);
  std::mt19937_64 random(20261123);
  for (int attempt = 0; attempt < 20; ++attempt) {
    const int socket = connect_to(*port);
    std::vector<std::uint8_t> bytes(256 + random() % 4096); // more than CAF's header
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    CHECK(is_closed_by_peer(socket));
    ::close(socket);
  }
  process there;
  const auto seen = there.system.middleman().remote_actor<actors::shard_actor>("127.0.0.1", *port);
  REQUIRE(seen);
  expect_service(there, *seen);
  caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
}
