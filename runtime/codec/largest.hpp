/// \file
/// Finds the numbers of largest magnitude, exactly and in about one pass: a sample says where the
/// edge will be, one pass collects what is above that, and only those are compared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// Keeps its scratch memory between calls.
class largest_elements {
public:
  /// Positions of the `wanted` elements of largest magnitude, ascending; of equal ones the first.
  /// Valid until the next call. Requires: wanted <= values.size() < 2^32.
  std::span<const std::uint32_t> find(std::span<const float> values, std::size_t wanted);

private:
  /// Bits of a magnitude's 31 that the histogram leaves out.
  static constexpr unsigned edge_bits = 19;
  static constexpr std::size_t bins = std::size_t{1} << (31 - edge_bits);

  std::uint32_t guess_edge(std::span<const float> values, std::size_t wanted);
  std::span<std::uint32_t> collect(std::span<const float> values, std::uint32_t least);
  std::span<std::uint32_t> keep(std::span<std::uint32_t> positions, std::size_t wanted);

  std::array<std::uint32_t, bins> counts_;
  std::vector<std::uint32_t> positions_;
  std::vector<std::uint32_t> magnitudes_; ///< of those collected
  std::vector<std::uint32_t> edge_;       ///< those in the last bin that has some to keep
};

} // namespace lagrange::runtime
