/// \file
/// How long a greeting may take: a deadline, and a descriptor that ends it before that. Messages of
/// a greeting have fixed sizes, so a peer can make it fail, but neither longer nor larger.
#pragma once

#include "runtime/error.hpp"
#include "runtime/transport/stream.hpp"

#include <chrono>
#include <span>

namespace lagrange::runtime::transport {

class patience {
public:
  using time_point = std::chrono::steady_clock::time_point;
  /// `cancelled` is readable when nobody waits any more; -1: somebody always does.
  explicit patience(time_point until, int cancelled = -1) : until_(until), cancelled_(cancelled) {}

  time_point until() const { return until_; }
  /// Returns when poll shows `events`, or an error or end, on the descriptor.
  /// Errors: timed_out, interrupted.
  result<void> wait(int number, short events) const;

private:
  time_point until_;
  int cancelled_;
};

/// Until the time, rounded up, for poll; 0 if it is past.
int poll_timeout(patience::time_point until);

/// Writes all bytes. Errors: peer_gone, timed_out, interrupted.
result<void> send_all(stream& to, std::span<const std::byte> bytes, const patience& with);

/// Fills `bytes`. Errors: those of send_all, those of the stream, and `if_closed` when the peer
/// ends the connection in order before.
result<void> receive_all(stream& from, std::span<std::byte> bytes, const patience& with,
                         const error& if_closed);

} // namespace lagrange::runtime::transport
