/// \file
/// What waits to leave on one link: the most urgent first, first come first served among equals,
/// and never more under way than the peer has granted. Knows neither threads nor sockets.
/// Where times are injected, a frame first waits until a link of that shape would have brought it.
///
/// Invariant: BP-1 (what waits is bounded by the queue's limit, what has left and was not let go by
/// the credit).
#pragma once

#include "runtime/transport/block_pool.hpp"
#include "runtime/transport/frame.hpp"
#include "runtime/transport/limits.hpp"
#include "runtime/transport/shaper.hpp"

#include <array>
#include <deque>
#include <memory>

namespace lagrange::runtime::transport {

/// A frame on its way out.
struct outgoing {
  explicit outgoing(frame&& sent) : what(std::move(sent)) {}
  frame what;
  block packed; ///< its payloads as one zstd stream; none: as they are
  std::uint64_t packed_bytes = 0;
  std::uint64_t gone = 0;   ///< bytes of head and payloads that have left
  bool has_started = false; ///< and has taken its credit

  bool has_payloads() const { return !what.payloads.empty(); }
  std::uint64_t head_bytes() const { return what.head.size() * sizeof(std::uint64_t); }
  /// Head and payloads on the wire.
  std::uint64_t total_bytes() const {
    return head_bytes() + (packed ? packed_bytes : what.payload_bytes());
  }
  std::uint64_t left_bytes() const { return total_bytes() - gone; }
};

class outbox {
public:
  using time_point = std::chrono::steady_clock::time_point;

  outbox(std::uint64_t credit_bytes, std::uint64_t queue_bytes_max, link_shape shape = {})
      : credit_bytes_(credit_bytes), queue_bytes_max_(queue_bytes_max) {
    if (!shape.empty()) injected_.emplace(shape);
  }

  /// Whether there is room in the queue. An empty queue takes any frame, a long one still takes
  /// control frames without payloads, up to a limit of their own.
  bool has_room_for(const outgoing& what) const;
  void put(std::unique_ptr<outgoing> what);
  bool is_shaped() const { return injected_.has_value(); }
  /// Takes a frame that is to wait for its injected time; it counts as queued.
  /// Requires: is_shaped(). Units: `bytes` are those on the wire.
  void hold(std::unique_ptr<outgoing> what, std::uint64_t bytes, time_point now);
  /// Queues what has waited long enough; at the end of time all has. Whether there was anything.
  bool release(time_point now);
  /// When release() has something to do; none: nothing is held.
  std::optional<time_point> next_release() const { return injected_->next(); }

  /// The most urgent frame that may leave now, its credit taken; null if there is none. It stays
  /// here, at this address, until it is taken out.
  outgoing* next();
  /// Takes out what next() gave.
  std::unique_ptr<outgoing> take(urgency of);
  /// It could not leave after all: it is the first of its urgency again.
  void put_back(std::unique_ptr<outgoing> what);
  /// The peer let go of so much. False: it never had it.
  bool give_back(std::uint64_t bytes, std::uint64_t frames);

  bool is_empty() const { return count_ == 0; }
  /// A frame waits for nothing but credit. Requires: next() was asked.
  bool is_starved() const { return is_starved_; }
  std::uint64_t queued_bytes() const { return bulk_bytes_ + control_bytes_; }
  std::uint64_t held_bytes() const { return held_bytes_; }

private:
  bool is_granted(const outgoing& what) const;
  std::uint64_t& bytes_of(const outgoing& what);

  const std::uint64_t credit_bytes_, queue_bytes_max_;
  std::array<std::deque<std::unique_ptr<outgoing>>, urgencies> waiting_;
  std::size_t count_ = 0;
  std::uint64_t bulk_bytes_ = 0, control_bytes_ = 0;
  std::uint64_t held_bytes_ = 0; ///< of payloads that the peer has, or is being sent
  std::uint64_t held_frames_ = 0;
  bool is_starved_ = false;
  std::optional<shaper<std::unique_ptr<outgoing>>> injected_; ///< of a link with a shape
};

} // namespace lagrange::runtime::transport
