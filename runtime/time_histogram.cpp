#include "runtime/time_histogram.hpp"

#include "ops/contract.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace lagrange::runtime {

namespace {

/// Bins of an octave; below so many nanoseconds each has a bin of its own.
constexpr std::uint64_t parts = 8;

std::size_t bin_of(std::uint64_t time) {
  if (time < parts) return time;
  const auto exponent = static_cast<std::uint64_t>(std::bit_width(time) - std::bit_width(parts));
  return exponent * parts + (time >> exponent);
}

struct bin_range {
  double begin, width;
};

bin_range range_of(std::size_t bin) {
  if (bin < parts) return {static_cast<double>(bin), 1};
  const auto width = std::ldexp(1.0, static_cast<int>(bin / parts - 1));
  return {static_cast<double>(parts + bin % parts) * width, width};
}

} // namespace

void time_histogram::add(std::chrono::nanoseconds time) {
  const auto bin = bin_of(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)));
  if (counts.size() <= bin) counts.resize(bin + 1);
  ++counts[bin];
}

void time_histogram::merge(const time_histogram& other) {
  if (counts.size() < other.counts.size()) counts.resize(other.counts.size());
  for (std::size_t bin = 0; bin < other.counts.size(); ++bin) counts[bin] += other.counts[bin];
}

std::uint64_t time_histogram::count() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

double time_histogram::mean() const {
  double sum = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    const auto [begin, width] = range_of(bin);
    sum += counts[bin] * (begin + width / 2);
  }
  return counts.empty() ? 0 : sum / static_cast<double>(count());
}

double time_histogram::deviation() const {
  const auto centre = mean();
  double sum = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    const auto [begin, width] = range_of(bin);
    const auto off = begin + width / 2 - centre;
    sum += counts[bin] * (off * off + width * width / 12);
  }
  return counts.empty() ? 0 : std::sqrt(sum / static_cast<double>(count()));
}

std::pair<double, double> time_histogram::log_moments() const {
  double sum = 0, squares = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    if (counts[bin] == 0) continue;
    const auto [begin, width] = range_of(bin);
    const auto each = std::log(begin + width / 2);
    sum += counts[bin] * each;
    squares += counts[bin] * each * each;
  }
  const auto times = static_cast<double>(count());
  LAGRANGE_EXPECT(times > 0, "no time");
  const auto centre = sum / times;
  return {centre, std::sqrt(std::max(squares / times - centre * centre, 0.0))};
}

double time_histogram::at(double share) const {
  auto rest = share * static_cast<double>(count());
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    if (counts[bin] == 0) continue;
    const auto [begin, width] = range_of(bin);
    if (rest <= counts[bin]) return begin + width * rest / counts[bin];
    rest -= counts[bin];
  }
  LAGRANGE_EXPECT(!counts.empty(), "no time");
  const auto [begin, width] = range_of(counts.size() - 1);
  return begin + width;
}

} // namespace lagrange::runtime
