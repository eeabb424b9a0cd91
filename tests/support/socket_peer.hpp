/// \file
/// A peer without manners: the other end of a socket, for tests that say what no honest peer would.
#pragma once

#include "runtime/transport/descriptor.hpp"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <span>
#include <vector>

namespace lagrange::tests {

using runtime::transport::descriptor;

class socket_peer {
public:
  explicit socket_peer(descriptor socket) : socket_(std::move(socket)) {}

  /// Connected to a port of this host.
  static socket_peer at(std::uint16_t port) {
    descriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(made.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    return socket_peer(std::move(made));
  }

  /// False: the other side has closed.
  bool say(std::span<const std::byte> bytes) {
    return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  /// The next `count` bytes, or as many as came before the other side closed.
  std::vector<std::byte> hear(std::size_t count) {
    std::vector<std::byte> bytes(count);
    std::size_t done = 0;
    while (done < count && is_readable(patience)) {
      const auto came = ::recv(socket_.get(), bytes.data() + done, count - done, 0);
      if (came <= 0) break;
      done += static_cast<std::size_t>(came);
    }
    bytes.resize(done);
    return bytes;
  }
  /// All that still comes before the other side closes, which it does in time.
  std::vector<std::byte> hear_out() {
    auto bytes = hear(65'536);
    std::byte more;
    CHECK((is_readable(patience) && ::recv(socket_.get(), &more, 1, 0) <= 0));
    return bytes;
  }
  bool is_readable(std::chrono::milliseconds within) const {
    pollfd watched{socket_.get(), POLLIN, 0};
    return ::poll(&watched, 1, static_cast<int>(within.count())) == 1;
  }
  void end_sending() { ::shutdown(socket_.get(), SHUT_WR); }
  void leave() { socket_.reset(); }
  /// The socket itself, for whoever goes on with it.
  descriptor take() { return std::move(socket_); }

private:
  static constexpr std::chrono::milliseconds patience{20'000};
  descriptor socket_;
};

struct socket_pair {
  descriptor here, there;
};
inline socket_pair make_socket_pair() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  return {descriptor(ends[0]), descriptor(ends[1])};
}

} // namespace lagrange::tests
