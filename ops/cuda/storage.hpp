/// \file
/// How elements lie in memory. Kernels compute in f32 whatever the storage; half and bfloat16 are
/// structs of our own, converted bit by bit by constexpr functions, which the device runs, too: a
/// machine without CUDA rounds as one with it.
#pragma once

#include <bit>
#include <cstdint>

namespace lagrange::ops::cuda {

/// IEEE 754 binary16.
struct f16 {
  std::uint16_t bits;
};

/// The upper half of an f32.
struct bf16 {
  std::uint16_t bits;
};

constexpr float to_float(float x) { return x; }

constexpr float to_float(bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

constexpr float to_float(f16 x) {
  const std::uint32_t magnitude = (x.bits & 0x7FFFU) << 13;
  const std::uint32_t sign = (x.bits & 0x8000U) << 16;
  // The exponent of f32 starts 112 lower; the product is exact, and right for subnormals, too.
  const auto scaled = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
  const bool is_finite = (x.bits & 0x7C00U) != 0x7C00U;
  return std::bit_cast<float>(sign | (is_finite ? scaled : magnitude | 0x7F800000U));
}

/// The nearest value of storage T, ties to the even one; a NaN stays one.
template <class T>
constexpr T rounded(float x);

template <>
constexpr float rounded<float>(float x) {
  return x;
}

template <>
constexpr bf16 rounded<bf16>(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return {static_cast<std::uint16_t>(bits >> 16 | 0x40U)};
  return {static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16)};
}

template <>
constexpr f16 rounded<f16>(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t near = 0;
  if (magnitude > 0x7F800000U)
    near = 0x7E00U;
  else if (magnitude >= 0x477FF000U) // 65,520 and above are nearer to infinity
    near = 0x7C00U;
  else if (magnitude < 0x38800000U) // subnormal: 0.5 has its last place where they have theirs
    near = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3F000000U;
  else
    near = (magnitude - 0x38000000U + 0xFFFU + (magnitude >> 13 & 1U)) >> 13;
  return {static_cast<std::uint16_t>(sign | near)};
}

} // namespace lagrange::ops::cuda
