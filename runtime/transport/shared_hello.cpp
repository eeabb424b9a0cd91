#include "runtime/transport/shared_hello.hpp"

#include "runtime/transport/hello.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace lagrange::runtime::transport {

namespace {

constexpr std::size_t passed = 3; // channel, arena, doorbell
// More than any machine has: a larger file is a mistake or an attack on our address space.
constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 42;

union control_buffer {
  char bytes[CMSG_SPACE(sizeof(int) * passed)];
  cmsghdr aligned;
};

msghdr message_of(iovec& bytes, control_buffer& control) {
  msghdr made{};
  made.msg_iov = &bytes;
  made.msg_iovlen = 1;
  made.msg_control = control.bytes;
  made.msg_controllen = sizeof control.bytes;
  return made;
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

result<void> pass(int socket, const shared_offer& mine, const patience& until) {
  auto said = make_hello(mine.credit_bytes);
  iovec bytes{&said, sizeof said};
  control_buffer control{};
  auto message = message_of(bytes, control);
  auto* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * passed);
  const int numbers[passed] = {mine.channel_file.get(), mine.arena_file.get(), mine.doorbell.get()};
  std::memcpy(CMSG_DATA(header), numbers, sizeof numbers);
  for (;;) { // 64 bytes into an empty socket: whole or not at all
    const auto sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(sizeof said)) return success();
    if (sent >= 0 || !would_block())
      return failure(
          errc::peer_gone,
          fmt::format("could not pass memory to a peer on this host: {}", std::strerror(errno)));
    BOOST_OUTCOME_TRY(until.wait(socket, POLLOUT));
  }
}

std::vector<descriptor> descriptors_in(msghdr& message) {
  std::vector<descriptor> found;
  for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number;
      std::memcpy(&number, CMSG_DATA(each) + i * sizeof number, sizeof number);
      found.emplace_back(number);
    }
  }
  return found;
}

result<std::vector<descriptor>> receive(int socket, std::uint64_t credit_bytes,
                                        const patience& until) {
  std::array<std::byte, record_bytes> said;
  iovec bytes{said.data(), said.size()};
  control_buffer control{};
  for (;;) {
    auto message = message_of(bytes, control);
    const auto came = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (came < 0 && would_block()) {
      BOOST_OUTCOME_TRY(until.wait(socket, POLLIN));
      continue;
    }
    if (came <= 0)
      return failure(errc::peer_gone, "the peer closed the connection instead of passing memory");
    auto found = descriptors_in(message);
    if (came != static_cast<ssize_t>(said.size()) || found.size() != passed)
      return refuse("the hello of a peer on this host",
                    fmt::format("{} bytes with {} descriptors", came, found.size()),
                    fmt::format("{} with {}", said.size(), passed));
    BOOST_OUTCOME_TRY(check_hello(said, credit_bytes));
    return found;
  }
}

} // namespace

result<shared_memory_of_peer> exchange_memory(const stream& with, const shared_offer& mine,
                                              const patience& until) {
  BOOST_OUTCOME_TRY(pass(with.pollable(), mine, until));
  BOOST_OUTCOME_TRY(came, receive(with.pollable(), mine.credit_bytes, until));
  shared_memory_of_peer made{std::move(came[0]), 0, std::move(came[1]), 0,
                             std::make_shared<const descriptor>(std::move(came[2]))};
  BOOST_OUTCOME_TRY(channel_bytes, sealed_bytes(made.channel_file));
  BOOST_OUTCOME_TRY(arena_bytes, sealed_bytes(made.arena_file));
  const auto fixed = channel::file_bytes(0);
  if (channel_bytes <= fixed || channel_bytes > file_bytes_max || arena_bytes == 0 ||
      arena_bytes > file_bytes_max)
    return refuse("the memory that a peer on this host passed",
                  fmt::format("{} and {} bytes", channel_bytes, arena_bytes),
                  fmt::format("{} to {}, and 1 to {}", fixed + 1, file_bytes_max, file_bytes_max));
  made.room_bytes = channel_bytes - fixed;
  made.arena_bytes = arena_bytes;
  return made;
}

} // namespace lagrange::runtime::transport
