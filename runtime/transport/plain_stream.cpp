#include "runtime/transport/plain_stream.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace lagrange::runtime::transport {

namespace {

class plain_stream final : public stream {
public:
  explicit plain_stream(descriptor socket) : socket_(std::move(socket)) {}

  int pollable() const override { return socket_.get(); }

  transfer read(std::span<std::byte> to) override {
    ssize_t count;
    do {
      count = ::recv(socket_.get(), to.data(), to.size(), MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count == 0) return {transfer::state::closed, 0, {}};
    return outcome(count, "read from");
  }

  transfer write(std::span<const iovec> from) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(from.data()); // the kernel only reads it
    message.msg_iovlen = std::min<std::size_t>(from.size(), IOV_MAX);
    ssize_t count;
    do {
      count = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return outcome(count, "write to");
  }

  bool has_pending() const override { return false; }

private:
  static transfer outcome(ssize_t count, const char* what) {
    if (count > 0) return {transfer::state::moved, static_cast<std::size_t>(count), {}};
    if (count == 0 || errno == EAGAIN || errno == EWOULDBLOCK)
      return {transfer::state::would_block, 0, {}};
    const auto code = errno;
    return {transfer::state::failed,
            0,
            {errc::peer_gone, fmt::format("could not {} a peer: {}", what, std::strerror(code))}};
  }

  descriptor socket_;
};

} // namespace

std::unique_ptr<stream> make_plain_stream(descriptor socket) {
  return std::make_unique<plain_stream>(std::move(socket));
}

} // namespace lagrange::runtime::transport
