/// \file
/// Counter-based random numbers: element i of a sequence is a pure function of (seed, stream, i),
/// so any part of a sequence can be made anywhere, in any order, and replay needs no generator
/// state.
///
/// Paper: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (OOPSLA 2014), whose
/// SplitMix64 is a hash of an evenly spaced counter.
#pragma once

#include <cstdint>

namespace lagrange::ops {

class random_sequence {
public:
  /// Sequences of different (seed, stream) are independent.
  constexpr random_sequence(std::uint64_t seed, std::uint64_t stream)
      : start_(mix(mix(seed + step) + stream * step)) {}

  /// Sixty-four random bits.
  constexpr std::uint64_t bits(std::uint64_t index) const {
    return mix(start_ + (index + 1) * step);
  }
  /// Uniform in [0, 1), a multiple of 2^-24.
  constexpr float unit(std::uint64_t index) const {
    return static_cast<float>(bits(index) >> 40) * 0x1p-24F;
  }

private:
  static constexpr std::uint64_t step = 0x9E3779B97F4A7C15; // 2^64 over the golden ratio, odd

  static constexpr std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
  }

  std::uint64_t start_;
};

} // namespace lagrange::ops
