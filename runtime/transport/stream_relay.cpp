#include "runtime/transport/stream_relay.hpp"

#include "ops/contract.hpp"
#include "runtime/transport/patience.hpp"
#include "runtime/transport/plain_stream.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace lagrange::runtime::transport {

namespace {

/// What the relay's destructor grants to those who said something last.
constexpr std::chrono::milliseconds farewell{500};

/// One direction of one connection. Nothing is read before all that came before is written, so a
/// slow reader slows its writer down.
class flow {
public:
  bool wants_to_read() const { return held_ == 0 && !has_ended_ && !is_cut_; }
  bool wants_to_write() const { return held_ > 0; }
  /// Its source has ended, and all that it said is delivered.
  bool is_delivered() const { return has_ended_ && held_ == 0; }
  /// Its destination has ended.
  bool is_cut() const { return is_cut_; }

  void carry(stream& from, stream& to) {
    if (wants_to_read()) {
      const auto came = from.read(bytes_);
      begin_ = 0;
      held_ = came.bytes;
      has_ended_ = came.what == transfer::state::closed || came.what == transfer::state::failed;
    }
    while (wants_to_write()) {
      const iovec rest{bytes_.data() + begin_, held_};
      const auto sent = to.write(std::span(&rest, 1));
      if (sent.what == transfer::state::would_block) return;
      if (sent.what != transfer::state::moved) return cut();
      begin_ += sent.bytes;
      held_ -= sent.bytes;
    }
  }

private:
  void cut() {
    is_cut_ = true;
    held_ = 0;
  }

  std::array<std::byte, 64 << 10> bytes_;
  std::size_t begin_ = 0;
  std::size_t held_ = 0;
  bool has_ended_ = false;
  bool is_cut_ = false;
};

struct connection {
  std::unique_ptr<stream> near, far;
  flow out, in;

  connection(std::unique_ptr<stream> a, std::unique_ptr<stream> b)
      : near(std::move(a)), far(std::move(b)) {}

  /// An owner of the near end who left may still have words on their way: that the other direction
  /// is cut then means nothing.
  bool is_over() const {
    return out.is_delivered() || out.is_cut() || (in.is_delivered() && !out.wants_to_write());
  }
  bool has_pending() const { return in.wants_to_read() && far->has_pending(); }
  void carry() {
    out.carry(*near, *far);
    in.carry(*far, *near);
  }
  pollfd watched_near() const { return watched(*near, out, in); }
  pollfd watched_far() const { return watched(*far, in, out); }

private:
  static pollfd watched(const stream& which, const flow& from, const flow& to) {
    const int events = (from.wants_to_read() ? POLLIN : 0) | (to.wants_to_write() ? POLLOUT : 0);
    // An end that is not waited for would be reported again and again when it is closed.
    return {events == 0 ? -1 : which.pollable(), static_cast<short>(events), 0};
  }
};

[[noreturn]] void give_up(const std::string& what, const std::string& why) {
  throw ops::device_error("no " + what + " to carry a connection with: " + why);
}

} // namespace

class stream_relay::carrier {
public:
  carrier() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  ~carrier() {
    {
      const std::lock_guard lock(mutex_);
      leave_at_ = std::chrono::steady_clock::now() + farewell;
    }
    wake();
    if (thread_.joinable()) thread_.join();
  }

  descriptor lend(std::unique_ptr<stream> far) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      give_up("pair of sockets", std::strerror(errno));
    descriptor lent(ends[0]);
    auto near = make_plain_stream(descriptor(ends[1]));
    {
      const std::lock_guard lock(mutex_);
      start();
      arriving_.emplace_back(std::move(near), std::move(far));
    }
    wake();
    return lent;
  }

private:
  /// Requires: the lock is held.
  void start() {
    if (thread_.joinable()) return;
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& e) {
      give_up("thread", e.what());
    }
  }

  void run() {
    while (receive_orders()) {
      wait();
      for (auto& each : carried_) each.carry();
      carried_.remove_if([](const connection& each) { return each.is_over(); });
    }
  }

  /// False: it is time to leave.
  bool receive_orders() {
    const std::lock_guard lock(mutex_);
    carried_.splice(carried_.end(), arriving_);
    patience_ = leave_at_;
    return patience_ == never ||
           (!carried_.empty() && std::chrono::steady_clock::now() < patience_);
  }

  void wait() {
    std::vector<pollfd> watched{{wake_.get(), POLLIN, 0}};
    int timeout = patience_ == never ? -1 : poll_timeout(patience_);
    for (const auto& each : carried_) {
      watched.push_back(each.watched_near());
      watched.push_back(each.watched_far());
      if (each.has_pending()) timeout = 0;
    }
    ::poll(watched.data(), watched.size(), timeout);
    std::uint64_t count;
    [[maybe_unused]] const auto read = ::read(wake_.get(), &count, sizeof count);
  }

  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  static constexpr auto never = patience::time_point::max();

  const descriptor wake_;
  std::mutex mutex_; ///< guards the next two
  std::list<connection> arriving_;
  patience::time_point leave_at_ = never;
  std::list<connection> carried_;         ///< the thread's own
  patience::time_point patience_ = never; ///< the thread's own
  std::thread thread_;                    ///< last: it uses the rest
};

stream_relay::stream_relay() : carrier_(std::make_unique<carrier>()) {}
stream_relay::~stream_relay() = default;
descriptor stream_relay::lend(std::unique_ptr<stream> far) {
  return carrier_->lend(std::move(far));
}

} // namespace lagrange::runtime::transport
