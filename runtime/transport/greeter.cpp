// Who listens. One thread accepts; a connection then waits, without a thread, until its whole knock
// has come, so that those who say nothing cost a descriptor and nobody's place. Other programs are
// sent away as soon as they say something. Then it is greeted on a thread of its own, a few at a
// time.
#include "ops/contract.hpp"
#include "runtime/transport/greet.hpp"
#include "runtime/transport/sockets.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <deque>
#include <list>
#include <system_error>
#include <thread>
#include <vector>

namespace lagrange::runtime::transport {

namespace {

using time_point = patience::time_point;

/// From the connection to its last proof. An honest caller needs a few round trips.
constexpr std::chrono::seconds greeting_limit{10};
/// Greetings at the same time: each is a thread.
constexpr std::size_t greetings_max = 8;
/// Connections that have not knocked yet; one more, and the oldest is closed: an honest caller
/// knocks as soon as it is connected.
constexpr std::size_t waiting_max = 64;
/// Without a free descriptor, or memory, accepting is tried again so much later.
constexpr std::chrono::milliseconds accept_pause{100};

descriptor make_event() { return descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void raise(const descriptor& event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event.get(), &one, sizeof one);
}
void lower(const descriptor& event) {
  std::uint64_t count;
  [[maybe_unused]] const auto read = ::read(event.get(), &count, sizeof count);
}

/// poll shows a TCP socket as readable when so many bytes have come, or it has ended.
void be_readable_at(const descriptor& socket, std::size_t bytes) {
  const int least = static_cast<int>(bytes);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVLOWAT, &least, sizeof least);
}

/// Whether what has come begins as a caller of ours does; it stays to be read.
bool begins_to_knock(const descriptor& socket) {
  std::array<std::byte, knock_head_bytes> head;
  const auto count = ::recv(socket.get(), head.data(), head.size(), MSG_PEEK | MSG_DONTWAIT);
  return count == static_cast<ssize_t>(head.size()) && is_knock_head(head);
}

class socket_greeter final : public greeter {
public:
  socket_greeter(descriptor listening, const security& with, greeted then)
      : listening_(std::move(listening)), with_(with), then_(std::move(then)),
        thread_([this] { run(); }) {}

  ~socket_greeter() override {
    raise(ended_); // never lowered: everybody sees it
    thread_.join();
    for (auto& each : under_way_) each.thread.join();
  }

  std::uint16_t port() const override { return port_of(listening_.get()); }

private:
  struct caller {
    descriptor socket;
    time_point deadline;
    bool is_knocking = false;
  };
  struct greeting {
    std::thread thread;
    std::atomic<bool> is_over = false;
  };

  void run() {
    for (;;) {
      const bool has_place = under_way_.size() < greetings_max;
      std::vector<pollfd> watched{{ended_.get(), POLLIN, 0},
                                  {one_is_over_.get(), POLLIN, 0},
                                  {may_accept() ? listening_.get() : -1, POLLIN, 0}};
      for (const auto& each : waiting_)
        watched.push_back({has_place ? each.socket.get() : -1, POLLIN, 0});
      ::poll(watched.data(), watched.size(), next_deadline());
      if (watched[0].revents != 0) return;
      if (watched[1].revents != 0) bury();
      look_after_waiting(std::span(watched).subspan(3));
      drop_the_late();
      if (watched[2].revents != 0) accept_one();
    }
  }

  bool may_accept() const { return std::chrono::steady_clock::now() >= accept_again_; }

  int next_deadline() const {
    if (!may_accept()) return poll_timeout(accept_again_);
    return waiting_.empty() ? -1 : poll_timeout(waiting_.front().deadline);
  }

  void accept_one() {
    auto socket = accept_from(listening_);
    if (!socket) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        accept_again_ = std::chrono::steady_clock::now() + accept_pause;
      return;
    }
    be_readable_at(socket, knock_head_bytes);
    waiting_.push_back({std::move(socket), std::chrono::steady_clock::now() + greeting_limit});
    if (waiting_.size() > waiting_max) waiting_.pop_front();
  }

  /// `watched` is of waiting_, one by one.
  void look_after_waiting(std::span<const pollfd> watched) {
    auto each = waiting_.begin();
    for (const auto& [socket, events, seen] : watched)
      each = seen == 0 || stays(*each) ? std::next(each) : waiting_.erase(each);
  }

  /// Of one who has said something, or left.
  bool stays(caller& from) {
    if (from.is_knocking && under_way_.size() >= greetings_max) return true;
    if (from.is_knocking) {
      start(std::move(from));
      return false;
    }
    from.is_knocking = begins_to_knock(from.socket);
    be_readable_at(from.socket, knock_bytes);
    return from.is_knocking;
  }

  void drop_the_late() {
    const auto now = std::chrono::steady_clock::now();
    while (!waiting_.empty() && waiting_.front().deadline <= now) waiting_.pop_front();
  }

  void start(caller from) {
    be_readable_at(from.socket, 1);
    auto& made = under_way_.emplace_back();
    try {
      made.thread = std::thread([this, &made, from = std::move(from)]() mutable {
        meet(std::move(from));
        made.is_over = true;
        raise(one_is_over_);
      });
    } catch (const std::system_error&) { // no thread is left: the caller may try again
      under_way_.pop_back();
    }
  }

  void meet(caller from) {
    try {
      auto met = greet_patiently(std::move(from.socket), greeting_side::host, with_,
                                 patience(from.deadline, ended_.get()));
      if (met) then_(std::move(met.value()));
    } catch (const std::exception&) { // out of memory: nothing that a peer does ends the process
    }
  }

  void bury() {
    lower(one_is_over_);
    under_way_.remove_if([](greeting& each) {
      if (!each.is_over) return false;
      each.thread.join();
      return true;
    });
  }

  const descriptor listening_;
  const security with_;
  const greeted then_;
  const descriptor ended_ = make_event();
  const descriptor one_is_over_ = make_event();
  // Of the thread below alone, until it has ended.
  std::deque<caller> waiting_; ///< the oldest first
  std::list<greeting> under_way_;
  time_point accept_again_{};
  std::thread thread_; ///< last: it uses the rest
};

std::unique_ptr<greeter> make_greeter(descriptor listening, const security& with, greeted then) {
  try {
    return std::make_unique<socket_greeter>(std::move(listening), with, std::move(then));
  } catch (const std::system_error& e) {
    throw ops::device_error(std::string("no thread to greet peers with: ") + e.what());
  }
}

/// The kernel keeps what one process says to another to itself.
security without_tls(const security& with) { return {with.token, std::nullopt}; }

} // namespace

result<std::unique_ptr<greeter>> listen_tcp(const std::string& ip, std::uint16_t port,
                                            const security& with, greeted then) {
  BOOST_OUTCOME_TRY(socket, listen_at(ip, port));
  return make_greeter(std::move(socket), with, std::move(then));
}

result<std::unique_ptr<greeter>> listen_local(const std::string& name, const security& with,
                                              greeted then) {
  BOOST_OUTCOME_TRY(socket, listen_at(name));
  return make_greeter(std::move(socket), without_tls(with), std::move(then));
}

result<std::unique_ptr<stream>> call_tcp(const std::string& ip, std::uint16_t port,
                                         const security& with,
                                         std::chrono::steady_clock::time_point deadline) {
  BOOST_OUTCOME_TRY(socket, connect_to(ip, port, deadline));
  return greet(std::move(socket), greeting_side::caller, with, deadline);
}

result<std::unique_ptr<stream>> call_local(const std::string& name, const security& with,
                                           std::chrono::steady_clock::time_point deadline) {
  BOOST_OUTCOME_TRY(socket, connect_to(name, deadline));
  return greet(std::move(socket), greeting_side::caller, without_tls(with), deadline);
}

} // namespace lagrange::runtime::transport
