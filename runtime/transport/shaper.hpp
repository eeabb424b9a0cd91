/// \file
/// One direction of a link with a latency and a bandwidth of its own: what is put in comes out when
/// a network of that shape would have delivered it. Without a clock or a thread: whoever owns it
/// says what time it is, and looks again when next() says.
///
/// What waits for the wire leaves by urgency, first come first served among equals, and a more
/// urgent item goes between two cells of one under way. So items of one urgency never change
/// places.
#pragma once

#include "runtime/transport/frame.hpp"
#include "runtime/transport/limits.hpp"
#include "runtime/transport/link_shape.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

namespace lagrange::runtime::transport {

template <class Item>
class shaper {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit shaper(link_shape shape) : shape_(shape) {}

  /// `bytes` is what the item takes on the wire.
  void put(Item what, urgency first, std::uint64_t bytes, time_point now) {
    advance(now);
    waiting_[static_cast<std::size_t>(first)].push_back({std::move(what), bytes, now});
  }

  /// The next item that has come by now, in the order of coming. At the end of time all have.
  std::optional<Item> take(time_point now) {
    advance(now);
    if (coming_.empty() || coming_.front().due > now) return std::nullopt;
    std::optional<Item> taken(std::move(coming_.front().what));
    coming_.pop_front();
    return taken;
  }

  /// When take() gives something, if nothing is put in before; none: it is empty.
  std::optional<time_point> next() const {
    if (!coming_.empty()) return coming_.front().due;
    for (const auto& line : waiting_)
      if (!line.empty())
        return std::max(is_free_, line.front().since) + time_of(line.front().bytes_left) +
               shape_.latency;
    return std::nullopt;
  }

private:
  using duration = std::chrono::nanoseconds;
  struct waiter {
    Item what;
    std::uint64_t bytes_left;
    time_point since;
  };
  struct comer {
    Item what;
    time_point due;
  };
  /// Small beside what is sent, so that urgent items wait for one at most; large beside its cost.
  static constexpr std::uint64_t cell_bytes = 4096;

  duration time_of(std::uint64_t bytes) const {
    if (shape_.bytes_per_second == 0) return duration(0);
    constexpr std::uint64_t ns = 1'000'000'000;
    const auto whole = bytes / shape_.bytes_per_second, rest = bytes % shape_.bytes_per_second;
    return duration(static_cast<std::int64_t>(
        whole * ns + (rest * ns + shape_.bytes_per_second - 1) / shape_.bytes_per_second));
  }

  /// Puts on the wire what could begin by now.
  void advance(time_point now) {
    while (const auto line = next_line()) {
      const auto begin = std::max(is_free_, (*line)->front().since);
      if (begin > now) return;
      transmit(**line, begin);
    }
  }

  using line_type = std::deque<waiter>;

  /// Whose front goes next when the wire is free: the most urgent of those that wait by then.
  std::optional<line_type*> next_line() {
    auto begin = time_point::max();
    for (const auto& line : waiting_)
      if (!line.empty()) begin = std::min(begin, std::max(is_free_, line.front().since));
    for (auto& line : waiting_)
      if (!line.empty() && std::max(is_free_, line.front().since) == begin) return &line;
    return std::nullopt;
  }

  void transmit(line_type& line, time_point begin) {
    auto& first = line.front();
    // Without a bandwidth there is nothing to share.
    const auto cell =
        shape_.bytes_per_second == 0 ? first.bytes_left : std::min(first.bytes_left, cell_bytes);
    is_free_ = begin + time_of(cell);
    first.bytes_left -= cell;
    if (first.bytes_left > 0) return;
    coming_.push_back({std::move(first.what), is_free_ + shape_.latency});
    line.pop_front();
  }

  const link_shape shape_;
  time_point is_free_{}; ///< when the wire takes the next cell
  std::array<line_type, urgencies> waiting_;
  std::deque<comer> coming_; ///< have left, by when they come
};

} // namespace lagrange::runtime::transport
