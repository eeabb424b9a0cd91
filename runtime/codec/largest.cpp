#include "runtime/codec/largest.hpp"

#include "ops/contract.hpp"
#include "runtime/codec/loops.hpp"

#include <algorithm>
#include <functional>
#include <string>

namespace lagrange::runtime {

namespace {
std::uint32_t magnitude(float x) { return codec_loops::bits_of(x) & codec_loops::magnitude_mask; }
} // namespace

std::span<const std::uint32_t> largest_elements::find(std::span<const float> values,
                                                      std::size_t wanted) {
  LAGRANGE_EXPECT(wanted <= values.size() && values.size() <= UINT32_MAX,
                  std::to_string(wanted) + " wanted of " + std::to_string(values.size()));
  positions_.clear();
  if (wanted == 0) return {};
  count(values);
  std::size_t found = 0;
  auto bin = bins;
  while (found < wanted) found += counts_[--bin];
  const auto edge = static_cast<std::uint32_t>(bin);
  positions_.resize(found + 1);
  collect(values, edge << edge_bits);
  positions_.resize(found);
  if (found > wanted) drop_smallest(values, edge, wanted);
  return positions_;
}

void largest_elements::count(std::span<const float> values) {
  // Neighbours often share a bin. In tables of their own they do not wait for each other's sum.
  std::array<std::array<std::uint32_t, bins>, 4> tables{};
  std::size_t i = 0;
  for (; i + 4 <= values.size(); i += 4)
    for (std::size_t lane = 0; lane < 4; ++lane)
      ++tables[lane][magnitude(values[i + lane]) >> edge_bits];
  for (; i < values.size(); ++i) ++tables[0][magnitude(values[i]) >> edge_bits];
  for (std::size_t bin = 0; bin < bins; ++bin)
    counts_[bin] = tables[0][bin] + tables[1][bin] + tables[2][bin] + tables[3][bin];
}

// Without a branch: the position is always written, and kept by moving on. One place more than is
// kept takes the last.
void largest_elements::collect(std::span<const float> values, std::uint32_t least) {
  auto* to = positions_.data();
  for (std::size_t i = 0; i < values.size(); ++i) {
    *to = static_cast<std::uint32_t>(i);
    to += magnitude(values[i]) >= least;
  }
}

void largest_elements::drop_smallest(std::span<const float> values, std::uint32_t edge,
                                     std::size_t wanted) {
  magnitudes_.clear();
  for (const auto position : positions_)
    if (const auto x = magnitude(values[position]); x >> edge_bits == edge)
      magnitudes_.push_back(x);
  auto room = wanted - (positions_.size() - magnitudes_.size());
  const auto last = magnitudes_.begin() + static_cast<std::ptrdiff_t>(room) - 1;
  std::ranges::nth_element(magnitudes_, last, std::greater{});
  const auto least = *last;
  // How many of those that equal the least still fit.
  room -= static_cast<std::size_t>(
      std::count_if(magnitudes_.begin(), last, [&](auto x) { return x > least; }));
  std::erase_if(positions_, [&](auto position) {
    const auto x = magnitude(values[position]);
    if (x == least && room > 0) {
      --room;
      return false;
    }
    return x <= least;
  });
}

} // namespace lagrange::runtime
