#include "runtime/codec/largest.hpp"

#include "ops/contract.hpp"
#include "ops/vectorised.hpp"
#include "runtime/codec/loops.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

namespace lagrange::runtime {

namespace {

/// One element in so many is sampled. A prime, so that no width of a layer is a multiple of it.
constexpr std::size_t stride = 31;

std::uint32_t magnitude(float x) { return codec_loops::bits_of(x) & codec_loops::magnitude_mask; }

/// The highest bin that has, with those above it, `wanted` entries; what those above have.
struct edge {
  std::uint32_t bin;
  std::size_t above;
};
edge find_edge(std::span<const std::uint32_t> counts, std::size_t wanted) {
  std::size_t above = 0;
  for (auto bin = counts.size(); bin-- > 0; above += counts[bin])
    if (above + counts[bin] >= wanted) return {static_cast<std::uint32_t>(bin), above};
  return {0, above - counts[0]};
}

} // namespace

std::span<const std::uint32_t> largest_elements::find(std::span<const float> values,
                                                      std::size_t wanted) {
  LAGRANGE_EXPECT(wanted <= values.size() && values.size() <= UINT32_MAX,
                  std::to_string(wanted) + " wanted of " + std::to_string(values.size()));
  if (wanted == 0) return {};
  auto found = collect(values, guess_edge(values, wanted));
  if (found.size() < wanted) found = collect(values, 0); // the sample was not like the rest
  magnitudes_.resize(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) magnitudes_[i] = magnitude(values[found[i]]);
  return found.size() == wanted ? found : keep(found, wanted);
}

// Low enough by four standard deviations of what the sample may err.
std::uint32_t largest_elements::guess_edge(std::span<const float> values, std::size_t wanted) {
  counts_.fill(0);
  for (std::size_t i = 0; i < values.size(); i += stride)
    ++counts_[magnitude(values[i]) >> edge_bits];
  const double mean = static_cast<double>(wanted) / stride;
  return find_edge(counts_, static_cast<std::size_t>(mean + 4 * std::sqrt(mean)) + 4).bin
         << edge_bits;
}

std::span<std::uint32_t> largest_elements::collect(std::span<const float> values,
                                                   std::uint32_t least) {
  if (positions_.size() <= values.size()) positions_.resize(values.size() + 1);
  std::size_t found = 0;
  ops::vectorised<&codec_loops::collect_positions>(values.data(), values.size(), least,
                                                   positions_.data(), &found);
  return std::span(positions_).first(found);
}

std::span<std::uint32_t> largest_elements::keep(std::span<std::uint32_t> positions,
                                                std::size_t wanted) {
  counts_.fill(0);
  for (const auto x : magnitudes_) ++counts_[x >> edge_bits];
  const auto [bin, above] = find_edge(counts_, wanted);
  edge_.clear();
  for (const auto x : magnitudes_)
    if (x >> edge_bits == bin) edge_.push_back(x);
  auto room = wanted - above;
  const auto last = edge_.begin() + static_cast<std::ptrdiff_t>(room) - 1;
  std::ranges::nth_element(edge_, last, std::greater{});
  const auto least = *last;
  // How many of those that equal the least fit.
  room -= static_cast<std::size_t>(
      std::count_if(edge_.begin(), last, [&](auto x) { return x > least; }));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const bool fits = magnitudes_[i] > least || (magnitudes_[i] == least && room > 0);
    if (!fits) continue;
    if (magnitudes_[i] == least) --room;
    positions[kept++] = positions[i];
  }
  return positions.first(kept);
}

} // namespace lagrange::runtime
