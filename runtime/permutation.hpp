/// \file
/// A seeded order of samples that needs no memory: any position can be asked for by itself, so a
/// lease that is dealt again, epochs later or by a restarted feeder, holds the same samples.
#pragma once

#include <cstdint>

namespace lagrange::runtime {

/// A pseudo-random bijection of [0, size): a Feistel network over the next power of four, walked
/// until it lands inside. Paper: Black and Rogaway 2002 (ciphers with arbitrary finite domains).
class permutation {
public:
  /// Requires: 1 <= size < 2^62.
  permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t stream);
  /// Requires: position < size.
  std::uint64_t operator()(std::uint64_t position) const;

private:
  std::uint64_t size_;
  std::uint64_t key_;
  unsigned half_bits_;
};

/// A well mixed 64-bit function of its argument. Source: the finaliser of SplitMix64, Steele et al.
/// 2014.
std::uint64_t mix(std::uint64_t x);

} // namespace lagrange::runtime
