// Lent ends: what goes in at one side comes out at the other, and nothing after that.
#include "runtime/transport/stream_relay.hpp"

#include "runtime/transport/patience.hpp"
#include "runtime/transport/plain_stream.hpp"
#include "runtime/transport/proof.hpp"
#include "tests/support/holdings.hpp"
#include "tests/support/socket_peer.hpp"

#include <future>
#include <vector>

using namespace lagrange;
using namespace lagrange::runtime::transport;
using namespace lagrange::tests;
using namespace std::chrono_literals;

namespace {

/// A relay with one stream lent, and the two sides of it as a test sees them.
struct lent {
  stream_relay relay;
  socket_pair far = make_socket_pair();
  socket_peer peer{std::move(far.there)};
  socket_peer owner{relay.lend(make_plain_stream(std::move(far.here)))};
};

std::vector<std::byte> drawn(std::size_t count) {
  std::vector<std::byte> bytes(count);
  draw(bytes);
  return bytes;
}

} // namespace

TEST_CASE("bytes pass a relay unchanged, both ways at once", "[runtime][relay]") {
  lent x;
  const auto there = drawn(3 << 20);
  const auto back = drawn(2 << 20);
  auto out = std::async(std::launch::async, [&] { return x.owner.say(there); });
  auto in = std::async(std::launch::async, [&] { return x.peer.say(back); });
  auto heard_back =
      std::async(std::launch::async, [&] { return x.owner.hear(back.size()) == back; });
  CHECK(x.peer.hear(there.size()) == there);
  CHECK(heard_back.get());
  CHECK((out.get() && in.get()));
}

TEST_CASE("the last words of who leaves arrive, though nobody hears the answer",
          "[runtime][relay]") {
  for (int attempt = 0; attempt < 20; ++attempt) {
    lent x;
    const auto words = drawn(300'000); // more than sockets hold
    auto speaking = std::async(std::launch::async, [&] {
      x.owner.say(words);
      x.owner.leave();
    });
    CHECK(x.peer.hear(100) == std::vector(words.begin(), words.begin() + 100));
    x.peer.say(drawn(10'000));
    CHECK(x.peer.hear(words.size() - 100) == std::vector(words.begin() + 100, words.end()));
    CHECK(x.peer.hear_out().empty());
    speaking.get();
  }
}

TEST_CASE("who borrows a stream hears what its peer said before it left", "[runtime][relay]") {
  lent x;
  const auto words = drawn(100'000);
  x.peer.say(words);
  x.peer.leave();
  CHECK(x.owner.hear(words.size()) == words);
  CHECK(x.owner.hear_out().empty());
}

TEST_CASE("BP-1: a peer that does not read stops who writes through a relay", "[runtime][relay]") {
  lent x;
  const auto socket = x.owner.take();
  const auto bytes = drawn(64 << 10);
  std::size_t taken = 0;
  for (;;) {
    const auto sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      taken += static_cast<std::size_t>(sent);
      REQUIRE(taken < 8 << 20);
      continue;
    }
    pollfd watched{socket.get(), POLLOUT, 0};
    if (::poll(&watched, 1, 200) == 0) break; // it stays full
  }
  CHECK(taken > 0);
}

TEST_CASE("a relay ends in time, whoever is silent, and leaves no thread", "[runtime][relay]") {
  const holdings before;
  const auto begin = std::chrono::steady_clock::now();
  {
    const stream_relay unused;
    CHECK(holdings().threads_since(before) == 0);
    lent x;
    CHECK(holdings().threads_since(before) == 1);
  }
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(all_is_given_back(before));
}

TEST_CASE("what was said before a relay ends still goes out", "[runtime][relay]") {
  auto far = make_socket_pair();
  socket_peer peer(std::move(far.there));
  const auto words = drawn(50'000);
  {
    stream_relay relay;
    socket_peer owner(relay.lend(make_plain_stream(std::move(far.here))));
    owner.say(words);
    owner.leave();
  }
  CHECK(peer.hear(words.size()) == words);
}
