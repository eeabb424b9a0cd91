/// \file
/// The two 16-bit floating-point formats, as whole-number arithmetic on the bits of f32, which
/// vectorises and gives the same bits on every processor. Codecs and mixed precision share it.
#pragma once

#include "ops/tensor.hpp"

#include <bit>
#include <cstdint>
#include <span>

namespace lagrange::ops {

constexpr std::uint32_t magnitude_mask = 0x7fffffff, infinite_bits = 0x7f800000;

/// IEEE 754 half precision: 5 bits of exponent, 10 of fraction. Numbers are magnitudes' bits.
/// Source of the subnormals, where the adder rounds to a multiple of 2^-24: Giesen, float->half
/// variants, 2012.
struct f16 {
  static constexpr std::uint32_t largest = 0x477fe000; ///< 65504
  static constexpr std::uint32_t smallest_normal = 113U << 23, half = 126U << 23;
  /// To the nearest, ties to even. Requires: no more than `largest`.
  static std::uint32_t round(std::uint32_t x) {
    const auto normal = (x + 0xfff + ((x >> 13) & 1)) & ~0x1fffU;
    const auto subnormal = std::bit_cast<std::uint32_t>(std::bit_cast<float>(x) + 0.5F - 0.5F);
    return x < smallest_normal ? subnormal : normal;
  }
  /// Of what round() returned.
  static std::uint32_t code(std::uint32_t x) {
    const auto normal = (x - (112U << 23)) >> 13;
    const auto subnormal = std::bit_cast<std::uint32_t>(std::bit_cast<float>(x) + 0.5F) - half;
    return x < smallest_normal ? subnormal : normal;
  }
  static std::uint32_t value(std::uint32_t code) {
    const auto shifted = code << 13;
    const auto normal = shifted + (112U << 23);
    const auto subnormal = std::bit_cast<std::uint32_t>(
        std::bit_cast<float>(shifted + smallest_normal) - std::bit_cast<float>(smallest_normal));
    return code >= 0x7c00 ? shifted | infinite_bits : code < 0x400 ? subnormal : normal;
  }
};

/// The upper half of an f32: 8 bits of exponent, 7 of fraction.
struct bf16 {
  static constexpr std::uint32_t largest = 0x7f7f0000;
  static std::uint32_t round(std::uint32_t x) { return (x + 0x7fff + ((x >> 16) & 1)) & ~0xffffU; }
  static std::uint32_t code(std::uint32_t x) { return x >> 16; }
  static std::uint32_t value(std::uint32_t code) { return code << 16; }
};

constexpr bool is_half(dtype type) { return type == dtype::f16 || type == dtype::bf16; }

/// Rounds to the nearest, ties to even. What is beyond the largest finite number becomes infinite,
/// so that an overflow is seen, and a NaN stays one. Shapes: x [N], y [N] of f16 or bf16.
void narrow(std::span<const float> x, dtype type, void* y);
/// The same numbers as f32. Shapes: x [N] of f16 or bf16, y [N].
void widen(const void* x, dtype type, std::span<float> y);

} // namespace lagrange::ops
