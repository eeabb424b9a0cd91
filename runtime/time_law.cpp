#include "runtime/time_law.hpp"

#include <algorithm>
#include <cmath>

namespace lagrange::runtime {

namespace {

/// However steady times are, their logarithms deviate by this much: the machine has other work.
constexpr double deviation_min = 0.35;
/// A deviation found in n times may be too small by about so many n-ths.
constexpr double unsure_times = 10;
constexpr double longest_factor = 2;
/// Of a logarithm of nanoseconds: far beyond any job.
constexpr double log_max = 60;

/// So many deviations above its mean the normal law leaves 10^-phi.
double deviations_at(double phi) {
  double low = 0, high = 40;
  while (high - low > 1e-6) {
    const auto middle = (low + high) / 2;
    const auto found = -std::log10(0.5 * std::erfc(middle / std::sqrt(2.0)));
    (found < phi ? low : high) = middle;
  }
  return high;
}

} // namespace

std::chrono::duration<double> longest_by_habit(const time_histogram& times, double phi) {
  const auto [mean, deviation] = times.log_moments();
  const auto unsure = 1 + unsure_times / static_cast<double>(times.count());
  const auto off = deviations_at(phi) * std::max(deviation, deviation_min) * unsure;
  const auto by_law = std::exp(std::min(mean + off, log_max));
  return std::chrono::duration<double>(std::max(by_law, times.at(1) * longest_factor) * 1e-9);
}

} // namespace lagrange::runtime
