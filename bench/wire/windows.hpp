/// \file
/// Two things measured side by side: short windows in turns, because the clock of a host drifts,
/// other programs come and go, and a virtual core is not always at the same distance from the next.
/// The ratio is the median of the ratios of single turns, whose two windows saw the same machine.
#pragma once

#include <cstdint>
#include <functional>

namespace lagrange::bench {

/// Does `count` units of work. Returns: seconds.
using work = std::function<double(std::uint64_t count)>;

struct windows {
  double seconds = 0.003;  ///< of one window, at least
  int turns_min = 9;       ///< of two windows each, however long they take
  int turns_max = 41;      ///< however short they are
  double seconds_max = .5; ///< of all turns, beyond the least
};

/// Medians of units a second, and of our rate over the bare one.
struct compared {
  double ours = 0, bare = 0, ratio = 0;
};

compared measure(const work& ours, const work& bare, const windows& how);

} // namespace lagrange::bench
