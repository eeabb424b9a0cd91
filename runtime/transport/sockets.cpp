#include "runtime/transport/sockets.hpp"

#include "runtime/transport/patience.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>

namespace lagrange::runtime::transport {

namespace {

using time_point = patience::time_point;

/// Connections that wait to be accepted; more are refused by the kernel.
constexpr int backlog = 128;

struct free_addresses {
  void operator()(addrinfo* x) const { ::freeaddrinfo(x); }
};
using addresses = std::unique_ptr<addrinfo, free_addresses>;

result<addresses> look_up(const std::string& ip, std::uint16_t port, int flags) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(ip.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (status == 0) return addresses(found);
  return failure(errc::bad_argument, fmt::format("{}: {}, expected an address as in 127.0.0.1 or a "
                                                 "host's name",
                                                 ip, ::gai_strerror(status)));
}

/// An abstract name begins with a zero and has no end but its size.
struct local_address {
  sockaddr_un bytes{};
  socklen_t size = 0;
};
std::optional<local_address> local_at(const std::string& name) {
  local_address made;
  made.bytes.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof made.bytes.sun_path) return std::nullopt;
  std::memcpy(made.bytes.sun_path + 1, name.data(), name.size());
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return made;
}
auto no_local_name(const std::string& name) {
  return failure(errc::bad_argument,
                 fmt::format("{}: no name of a Unix socket, expected 1 to 107 letters", name));
}

descriptor stream_socket(int family, int flags) {
  return descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
}

void set(const descriptor& socket, int level, int option, int value) {
  ::setsockopt(socket.get(), level, option, &value, sizeof value);
}

int family_of(const descriptor& socket) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family;
}

/// Abstract names know no permissions, so anybody of this host may call.
bool is_same_user(const descriptor& connected) {
  ucred who{};
  socklen_t size = sizeof who;
  return ::getsockopt(connected.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
         who.uid == ::geteuid();
}

/// 0, or the errno.
int connect_until(const descriptor& socket, const addrinfo& to, time_point deadline) {
  if (::connect(socket.get(), to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!patience(deadline).wait(socket.get(), POLLOUT)) return ETIMEDOUT;
  int code = 0;
  socklen_t size = sizeof code;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &size);
  return code;
}

auto not_reached(const std::string& where, int code) {
  return failure(code == ETIMEDOUT || code == EAGAIN ? errc::timed_out : errc::peer_gone,
                 fmt::format("{}: {}", where, std::strerror(code)));
}

} // namespace

result<descriptor> listen_at(const std::string& ip, std::uint16_t port) {
  BOOST_OUTCOME_TRY(found, look_up(ip, port, AI_PASSIVE));
  auto made = stream_socket(found->ai_family, SOCK_NONBLOCK);
  set(made, SOL_SOCKET, SO_REUSEADDR, 1); // a port of a job that has just ended is free
  if (!made || ::bind(made.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(made.get(), backlog) != 0)
    return failure(errc::bad_argument,
                   fmt::format("cannot listen at {}:{}: {}", ip, port, std::strerror(errno)));
  return made;
}

result<descriptor> listen_at(const std::string& name) {
  const auto at = local_at(name);
  if (!at) return no_local_name(name);
  auto made = stream_socket(AF_UNIX, SOCK_NONBLOCK);
  if (!made || ::bind(made.get(), reinterpret_cast<const sockaddr*>(&at->bytes), at->size) != 0 ||
      ::listen(made.get(), backlog) != 0)
    return failure(errc::bad_argument, fmt::format("cannot listen at the Unix socket @{}: {}", name,
                                                   std::strerror(errno)));
  return made;
}

result<descriptor> connect_to(const std::string& ip, std::uint16_t port, time_point deadline) {
  BOOST_OUTCOME_TRY(found, look_up(ip, port, 0));
  int code = EADDRNOTAVAIL;
  for (const auto* each = found.get(); each; each = each->ai_next) {
    auto made = stream_socket(each->ai_family, SOCK_NONBLOCK);
    code = made ? connect_until(made, *each, deadline) : errno;
    if (code != 0) continue;
    set(made, IPPROTO_TCP, TCP_NODELAY, 1);
    return made;
  }
  return not_reached(fmt::format("{}:{}", ip, port), code);
}

result<descriptor> connect_to(const std::string& name, time_point deadline) {
  const auto at = local_at(name);
  if (!at) return no_local_name(name);
  auto made = stream_socket(AF_UNIX, 0);
  // Where too many wait already a Unix socket cannot be polled: the kernel itself keeps the time.
  const int left = std::max(1, poll_timeout(deadline));
  const timeval patient{left / 1000, left % 1000 * 1000};
  ::setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &patient, sizeof patient);
  if (!made || ::connect(made.get(), reinterpret_cast<const sockaddr*>(&at->bytes), at->size) != 0)
    return not_reached("@" + name, errno);
  if (!is_same_user(made))
    return failure(errc::fenced, fmt::format("@{}: another user listens there", name));
  return made;
}

descriptor accept_from(const descriptor& listening) {
  descriptor made(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!made) return made;
  if (family_of(made) != AF_UNIX)
    set(made, IPPROTO_TCP, TCP_NODELAY, 1);
  else if (!is_same_user(made))
    made.reset();
  return made;
}

std::uint16_t port_of(int socket) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size) != 0) return 0;
  if (at.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(at).sin_port);
  if (at.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(at).sin6_port);
  return 0;
}

} // namespace lagrange::runtime::transport
