/// \file
/// How often something took how long. Bins are an eighth of an octave wide or less, so a time is
/// known to one part in eight, whatever it is, and one outlier is one outlier: it does not widen
/// all the others, as it does a variance.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace lagrange::runtime {

struct time_histogram {
  /// So many bins hold all times.
  static constexpr std::size_t bins_max = 496;

  std::vector<std::uint32_t> counts; ///< by bin, as far as there are any

  void add(std::chrono::nanoseconds time);
  void merge(const time_histogram& other);
  std::uint64_t count() const;
  // As if times were spread evenly within their bins. Units: nanoseconds.
  double mean() const;
  double deviation() const;
  /// Mean and deviation of the times' natural logarithms. Requires: a time.
  std::pair<double, double> log_moments() const;
  /// What `share` of all times are below. Requires: a share from 0 to 1, and a time.
  double at(double share) const;

  bool operator==(const time_histogram&) const = default;
};

} // namespace lagrange::runtime
