/// \file
/// Things measured side by side: short windows in turns, and of each the ninth decile of its rates,
/// which is what the machine does while nobody else uses it, without a lucky window.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lagrange::bench {

/// Does `count` units of work. Returns: seconds.
using work = std::function<double(std::uint64_t count)>;

struct windows {
  int turns = 25;
  double seconds = 0.004; ///< of one window, at least
};

/// Units a second of each, in the order given.
std::vector<double> measure_rates(std::span<const work> sides, const windows& how);

} // namespace lagrange::bench
