/// \file
/// Where the thread of an endpoint sleeps, and how others wake it.
#pragma once

#include "runtime/transport/descriptor.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <sys/epoll.h>

namespace lagrange::runtime::transport {

/// A counter in the kernel that one sleeps on and others raise, also from other processes.
/// Errors: throws device_error.
descriptor make_doorbell();
void ring(const descriptor& doorbell);

/// An epoll set and a doorbell. add(), watch() and wake() are thread-safe; the rest is for one
/// thread.
class poller {
public:
  poller();
  /// Events of the descriptor carry `key`, which is not 0.
  void add(int number, std::uint64_t key);
  void remove(int number);
  /// Whether the descriptor is also waited for to be writable.
  void watch(int number, std::uint64_t key, bool for_writing) const;
  const descriptor& doorbell() const { return doorbell_; }

  /// Makes the thread look around once more. Costs a call of the kernel only if it sleeps.
  void wake();
  /// From now on wake() rings. False: somebody called wake() before; do not sleep.
  bool lie_down();
  /// Waits for events for at most `at_most`; 0: only looks.
  std::span<const epoll_event> wait(std::chrono::nanoseconds at_most);
  /// From now on wake() leaves a note. Whether somebody called it.
  bool get_up();

private:
  descriptor epoll_, doorbell_;
  std::atomic<bool> is_called_{false}, is_lying_{false};
  std::array<epoll_event, 64> events_{};
};

} // namespace lagrange::runtime::transport
