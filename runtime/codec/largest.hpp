/// \file
/// Finds the numbers of largest magnitude, exactly: a histogram of the leading bits says which are
/// in or out at once, and only those on the edge are compared.
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
  /// Cost: two passes over `values`.
  std::span<const std::uint32_t> find(std::span<const float> values, std::size_t wanted);

private:
  static constexpr unsigned edge_bits = 19; ///< of a magnitude's 31: what the histogram leaves out
  static constexpr std::size_t bins = std::size_t{1} << (31 - edge_bits);

  void count(std::span<const float> values);
  void collect(std::span<const float> values, std::uint32_t least);
  void drop_smallest(std::span<const float> values, std::uint32_t edge, std::size_t wanted);

  std::array<std::uint32_t, bins> counts_;
  std::vector<std::uint32_t> positions_;
  std::vector<std::uint32_t> magnitudes_; ///< of the elements on the edge
};

} // namespace lagrange::runtime
