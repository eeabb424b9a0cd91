/// \file
/// Sizes that blocks of memory are rounded up to, so that freed ones fit again: four to a doubling.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace lagrange::runtime::transport {

/// The next of least, 1.25 least, 1.5 least, 1.75 least, 2 least, ...: at most a quarter is wasted.
/// Requires: `least` is a power of two of at least 4.
constexpr std::uint64_t size_class(std::uint64_t bytes, std::uint64_t least) {
  if (bytes <= least) return least;
  const auto step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

} // namespace lagrange::runtime::transport
