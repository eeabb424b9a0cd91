/// \file
/// Virtual time and a faulty link: events in the order of their moments, everything drawn from one
/// seed. The same seed gives the same run on every machine.
#pragma once

#include "runtime/permutation.hpp"
#include "runtime/staleness/policy.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <utility>

namespace lagrange::runtime {

/// What a link does to the messages on it. Delays are drawn for each message, so they reorder.
struct link_faults {
  std::chrono::microseconds delay_max{0};
  std::uint64_t drop_percent = 0;
  std::uint64_t repeat_percent = 0;
};

class virtual_time {
public:
  using event = std::function<void()>;

  explicit virtual_time(std::uint64_t seed) : state_(seed) {}

  time_point now() const { return now_; }
  /// Events run so far.
  std::uint64_t steps() const { return steps_; }

  void after(std::chrono::microseconds delay, event what) {
    queue_.emplace(std::pair(now_ + delay, drawn_++), std::move(what));
  }
  /// Hands `what` to the link, which may lose it, repeat it or overtake with it.
  void send(const link_faults& link, const event& what) {
    if (chance(link.drop_percent)) return;
    do after(between(link.delay_max / 20, link.delay_max), what);
    while (chance(link.repeat_percent));
  }
  /// Runs the next event. False: there is none.
  bool step() {
    if (queue_.empty()) return false;
    auto first = queue_.extract(queue_.begin());
    now_ = first.key().first;
    ++steps_;
    first.mapped()();
    return true;
  }

  /// Uniform in [low, high].
  std::uint64_t draw(std::uint64_t low, std::uint64_t high) {
    return low + mix(state_++) % (high - low + 1);
  }
  bool chance(std::uint64_t percent) { return draw(0, 99) < percent; }
  std::chrono::microseconds between(std::chrono::microseconds low, std::chrono::microseconds high) {
    return std::chrono::microseconds(
        draw(static_cast<std::uint64_t>(low.count()), static_cast<std::uint64_t>(high.count())));
  }

private:
  std::uint64_t state_;
  time_point now_{};
  std::uint64_t drawn_ = 0;
  std::uint64_t steps_ = 0;
  std::map<std::pair<time_point, std::uint64_t>, event> queue_;
};

} // namespace lagrange::runtime
