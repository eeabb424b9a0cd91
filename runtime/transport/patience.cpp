#include "runtime/transport/patience.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace lagrange::runtime::transport {

int poll_timeout(patience::time_point until) {
  using namespace std::chrono;
  const auto left = ceil<milliseconds>(until - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

result<void> patience::wait(int number, short events) const {
  for (;;) {
    pollfd watched[] = {{number, events, 0}, {cancelled_, POLLIN, 0}};
    const int timeout = poll_timeout(until_);
    const int ready = ::poll(watched, std::size(watched), timeout);
    if (ready < 0 && errno != EINTR)
      return failure(errc::peer_gone, "a connection could not be waited for");
    if (ready > 0 && watched[1].revents != 0)
      return failure(errc::interrupted, "the greeting was given up");
    if (ready > 0) return success();
    if (ready == 0 && timeout == 0)
      return failure(errc::timed_out, "the greeting took longer than it may");
  }
}

result<void> send_all(stream& to, std::span<const std::byte> bytes, const patience& with) {
  while (!bytes.empty()) {
    const iovec rest{const_cast<std::byte*>(bytes.data()), bytes.size()}; // it is only read
    const auto sent = to.write(std::span(&rest, 1));
    if (sent.what == transfer::state::moved)
      bytes = bytes.subspan(sent.bytes);
    else if (sent.what == transfer::state::would_block) {
      BOOST_OUTCOME_TRY(with.wait(to.pollable(), POLLOUT));
    } else if (sent.what == transfer::state::closed)
      return failure(errc::peer_gone, "the peer closed the connection");
    else
      return failure(sent.why.code, sent.why.text);
  }
  return success();
}

result<void> receive_all(stream& from, std::span<std::byte> bytes, const patience& with,
                         const error& if_closed) {
  while (!bytes.empty()) {
    const auto came = from.read(bytes);
    if (came.what == transfer::state::moved)
      bytes = bytes.subspan(came.bytes);
    else if (came.what == transfer::state::would_block) {
      BOOST_OUTCOME_TRY(with.wait(from.pollable(), POLLIN));
    } else if (came.what == transfer::state::closed)
      return failure(if_closed.code, if_closed.text);
    else
      return failure(came.why.code, came.why.text);
  }
  return success();
}

} // namespace lagrange::runtime::transport
