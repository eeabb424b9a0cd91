/// \file
/// When a silent peer counts as gone. Peers send something at least every heartbeat; how long a
/// busy machine delays that is not known beforehand, so it is learned from the link itself.
#pragma once

#include <algorithm>
#include <chrono>

namespace lagrange::runtime::transport {

/// patience = 8 * the longest gap between arrivals seen lately, between `least` and `most`.
/// "Lately": what is remembered shrinks by a 64th with each heartbeat, by half in about 45 of them.
class pulse {
public:
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;

  pulse(duration least, duration most, time_point now) : least_(least), most_(most), last_(now) {}

  void heard(time_point now) {
    longest_ = std::max(longest_, now - last_);
    last_ = std::max(last_, now);
  }
  /// A heartbeat interval has passed.
  void fade() { longest_ -= longest_ / 64; }
  /// We ourselves were not there to listen for so long: that is not the peer's silence.
  void forgive(duration away, time_point now) { last_ = std::min(last_ + away, now); }

  duration patience() const { return std::clamp(8 * longest_, least_, most_); }
  duration silent_for(time_point now) const { return now - last_; }
  bool is_over(time_point now) const { return silent_for(now) > patience(); }

private:
  duration least_, most_;
  duration longest_{};
  time_point last_;
};

} // namespace lagrange::runtime::transport
