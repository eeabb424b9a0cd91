/// \file
/// The exponential function and what is made of it, written so that a compiler turns a loop over
/// them into vector instructions; calling the C library's for each element takes several times as
/// long. Call them inside loops that vectorised() runs: the bits are the same on every instruction
/// set.
///
/// Errors of at most two and a half units in the last place, measured over floats of every
/// size by exponential_test.cpp. A NaN stays one. The coefficients are minimax fits of this
/// project.
#pragma once

#include <bit>
#include <cstdint>

namespace lagrange::ops {

namespace detail {
inline float power_of_two(std::int32_t exponent) {
  return std::bit_cast<float>((exponent + 127) << 23);
}
} // namespace detail

/// e^x: 0 and infinity where there is no float for it, subnormal ones included.
/// Paper: Cody, Waite: Software Manual for the Elementary Functions (1980): x is n ln 2 + r.
inline float exponential(float x) {
  constexpr float rounding = 0x1.8p23F; // a sum with it has no digits behind the point
  constexpr float ln2_upper = 0x1.62ep-1F, ln2_lower = 0x1.0bfbe8p-15F;
  const float low = x < -104.0F ? -104.0F : x;
  const float bounded = low > 89.0F ? 89.0F : low;
  const float shifted = bounded * 1.44269504F + rounding;
  const float n = shifted - rounding;
  const float r = (bounded - n * ln2_upper) - n * ln2_lower;
  float p = 0.0013926926614F;
  p = p * r + 0.00836377387441F;
  p = p * r + 0.0416665501103F;
  p = p * r + 0.166665733819F;
  p = p * r + 0.5F;
  p = p * r * r + r + 1.0F;
  // 2^n in two steps: it may be no float where the result is one.
  const auto exponent =
      std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(rounding);
  const auto half = exponent >> 1;
  return p * detail::power_of_two(half) * detail::power_of_two(exponent - half);
}

/// 1 / (1 + e^-x).
inline float logistic(float x) {
  const float e = exponential(x < 0 ? x : -x); // which cannot overflow
  return (x < 0 ? e : 1.0F) / (1.0F + e);
}

/// (e^x - e^-x) / (e^x + e^-x).
inline float hyperbolic_tangent(float x) {
  const float z = x * x;
  float p = -0.00661022783111F;
  p = p * z + 0.0213093886644F;
  p = p * z - 0.0539094288275F;
  p = p * z + 0.13333113729F;
  p = p * z - 0.33333332008F;
  const float near = p * z * x + x;
  const float size = x < 0 ? -x : x;
  const float rest = 1.0F - 2.0F / (exponential(2.0F * size) + 1.0F);
  const float far = x < 0 ? -rest : rest;
  return size < 0.55F ? near : far;
}

} // namespace lagrange::ops
