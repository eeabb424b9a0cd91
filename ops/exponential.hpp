/// \file
/// The exponential function as arithmetic that a loop is vectorised with (vectorised.hpp): a call
/// of std::exp costs about twenty times as much. Same bits on every instruction set.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace lagrange::ops {

/// exp(x) to within 2 units in the last place: 0 below -87.3, infinite from 88.3 on; of a NaN one.
inline float exponential(float x) {
  // exp(x) = 2^n exp(r), n an integer, |r| <= log(2) / 2. Adding the offset leaves n in its last
  // bits; log(2) comes in two parts, of which n times the first is exact.
  constexpr float offset = 0x1.8p23F, log2_e = 0x1.715476p0F;
  constexpr float log_2_high = 0x1.62ep-1F, log_2_low = 0x1.0bfbe8p-15F;
  constexpr float lowest = -87.3F, highest = 88.3F;
  const float inside = x < lowest ? lowest : x > highest ? highest : x;
  const float shifted = inside * log2_e + offset;
  const float n = shifted - offset;
  const float r = (inside - n * log_2_high) - n * log_2_low;
  // The Taylor series: what is left out is less than 6e-9.
  float sum = 1.0F / 5040;
  sum = sum * r + 1.0F / 720;
  sum = sum * r + 1.0F / 120;
  sum = sum * r + 1.0F / 24;
  sum = sum * r + 1.0F / 6;
  sum = sum * r + 0.5F;
  sum = (sum * r) * r + r + 1;
  const auto power =
      std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(offset) + 127;
  const float found = sum * std::bit_cast<float>(power << 23);
  return x < lowest ? 0.0F : x > highest ? std::numeric_limits<float>::infinity() : found;
}

/// 1 / (1 + exp(-x)).
inline float logistic(float x) { return 1 / (1 + exponential(-x)); }

} // namespace lagrange::ops
