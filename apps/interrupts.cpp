#include "apps/interrupts.hpp"

#include "ops/contract.hpp"
#include "runtime/transport/descriptor.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <future>
#include <mutex>
#include <system_error>
#include <thread>

namespace lagrange::apps {

using runtime::transport::descriptor;

namespace {

constexpr int interrupted_status = 130; // as cli.md has it for both signals
constexpr std::chrono::seconds last_words_max{2};

sigset_t both_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  return set;
}

// Blocks the signals as long as it lives.
class blocked_signals {
public:
  blocked_signals() {
    const auto set = both_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  ~blocked_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  blocked_signals(const blocked_signals&) = delete;
  blocked_signals& operator=(const blocked_signals&) = delete;

private:
  sigset_t before_{};
};

descriptor open_event() { return descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void raise_event(const descriptor& event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event.get(), &one, sizeof one);
}

[[noreturn]] void end_now(const interrupts::reaction& last_words, int number) {
  if (last_words) {
    // Beside this thread, so that words which never end cannot keep the process.
    std::packaged_task<void(int)> task(last_words);
    auto said = task.get_future();
    std::thread(std::move(task), number).detach();
    said.wait_for(last_words_max);
  }
  ::_exit(interrupted_status);
}

} // namespace

class interrupts::watcher {
public:
  watcher();
  ~watcher();
  void on_first(reaction stop);
  void on_second(reaction last_words);
  std::optional<int> first() const;
  int pollable() const { return came_.get(); }

private:
  void run();
  void take(int number);
  void react();

  const blocked_signals blocked_;
  const descriptor signals_;
  const descriptor came_ = open_event();
  const descriptor leave_ = open_event();
  mutable std::mutex mutex_; // guards the next four
  reaction stop_;
  reaction last_words_;
  std::optional<int> first_;
  std::thread reacting_;
  std::thread thread_;
};

interrupts::watcher::watcher()
    : signals_(
          [set = both_signals()] { return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK); }()) {
  if (!signals_ || !came_ || !leave_)
    throw ops::device_error(std::string("no descriptor to wait for Ctrl-C with: ") +
                            std::strerror(errno));
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& e) {
    throw ops::device_error(std::string("no thread to wait for Ctrl-C with: ") + e.what());
  }
}

interrupts::watcher::~watcher() {
  raise_event(leave_);
  thread_.join();
  if (reacting_.joinable()) reacting_.join();
}

void interrupts::watcher::on_first(reaction stop) {
  std::lock_guard lock(mutex_);
  stop_ = std::move(stop);
  if (first_) react();
}

void interrupts::watcher::on_second(reaction last_words) {
  std::lock_guard lock(mutex_);
  last_words_ = std::move(last_words);
}

std::optional<int> interrupts::watcher::first() const {
  std::lock_guard lock(mutex_);
  return first_;
}

// Starts the reaction to the first signal, once. Requires: the mutex is held, `first_` is set.
void interrupts::watcher::react() {
  if (stop_ && !reacting_.joinable())
    reacting_ = std::thread([stop = stop_, number = *first_] { stop(number); });
}

void interrupts::watcher::take(int number) {
  std::unique_lock lock(mutex_);
  if (first_) {
    const auto last_words = last_words_;
    lock.unlock();
    end_now(last_words, number);
  }
  first_ = number;
  raise_event(came_);
  react();
}

void interrupts::watcher::run() {
  for (;;) {
    pollfd polled[] = {{signals_.get(), POLLIN, 0}, {leave_.get(), POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0) continue;
    signalfd_siginfo found{};
    while (::read(signals_.get(), &found, sizeof found) == sizeof found)
      take(static_cast<int>(found.ssi_signo));
    if (polled[1].revents != 0) return;
  }
}

interrupts::interrupts() : watcher_(std::make_unique<watcher>()) {}
interrupts::~interrupts() = default;
void interrupts::on_first(reaction stop) { watcher_->on_first(std::move(stop)); }
void interrupts::on_second(reaction last_words) { watcher_->on_second(std::move(last_words)); }
std::optional<int> interrupts::first() const { return watcher_->first(); }
int interrupts::pollable() const { return watcher_->pollable(); }

} // namespace lagrange::apps
