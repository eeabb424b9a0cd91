/// \file
/// The loops that codecs spend their time in, to be run by ops::vectorised. They are here rather
/// than in the codecs so that the conformance kit can run every compiled variant of each: all must
/// make the same bytes. Only whole numbers and single roundings are used, so all do.
#pragma once

#include "ops/half.hpp"
#include "ops/random.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace lagrange::runtime::codec_loops {

static_assert(std::endian::native == std::endian::little, "frames are little-endian");

using ops::bf16, ops::f16, ops::magnitude_mask;
constexpr auto infinite = ops::infinite_bits;

inline std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
void store(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

// ---- none ---------------------------------------------------------------------------------------

/// Copies; `largest` becomes the largest magnitude's bits, `infinite` or more if one is no number.
inline void decode_none(const std::byte* __restrict in, std::size_t count, float* __restrict out,
                        std::uint32_t* largest) {
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = load<std::uint32_t>(in + 4 * i);
    out[i] = std::bit_cast<float>(bits);
    most = std::max(most, bits & magnitude_mask);
  }
  *largest = most;
}

// ---- topk ---------------------------------------------------------------------------------------

/// Writes the positions of all magnitudes whose bits are `least` or more. `out` has room for
/// count + 1, because a position is written before it is known whether it stays.
inline void collect_positions(const float* values, std::size_t count, std::uint32_t least,
                              std::uint32_t* out, std::size_t* found) {
  constexpr std::size_t block = 32; // most have none: one look at the largest passes them over
  auto* to = out;
  for (std::size_t first = 0; first < count; first += block) {
    const auto size = std::min(block, count - first);
    std::uint32_t most = 0;
    if (size == block)
      for (std::size_t i = 0; i < block; ++i)
        most = std::max(most, bits_of(values[first + i]) & magnitude_mask);
    if (size == block && most < least) continue;
    for (auto i = first; i < first + size; ++i) {
      *to = static_cast<std::uint32_t>(i);
      to += (bits_of(values[i]) & magnitude_mask) >= least;
    }
  }
  *found = static_cast<std::size_t>(to - out);
}

// ---- f16 and bf16 -------------------------------------------------------------------------------

/// Rounds to the nearest, ties to even; what is beyond the largest finite number becomes it.
template <class Half>
void encode_half(float* __restrict values, std::size_t count, std::byte* __restrict out) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = bits_of(values[i]);
    const auto sign = bits & ~magnitude_mask;
    const auto rounded = Half::round(std::min(bits & magnitude_mask, Half::largest));
    store(out + 2 * i, static_cast<std::uint16_t>(Half::code(rounded) | sign >> 16));
    values[i] -= std::bit_cast<float>(rounded | sign);
  }
}

template <class Half>
void decode_half(const std::byte* __restrict in, std::size_t count, float* __restrict out,
                 std::uint32_t* largest) {
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t code = load<std::uint16_t>(in + 2 * i);
    const auto magnitude = Half::value(code & 0x7fff);
    out[i] = std::bit_cast<float>(magnitude | (code & 0x8000) << 16);
    most = std::max(most, magnitude);
  }
  *largest = most;
}

// ---- int8 ---------------------------------------------------------------------------------------

/// Elements that share a scale. The scale costs 1.6 % of the bytes; larger blocks would save little
/// of that and round small elements more coarsely beside large ones.
constexpr std::size_t int8_block = 256;
/// No element can overflow: 128 * int8_scale_max is finite.
constexpr float int8_scale_max = std::numeric_limits<float>::max() / 128;

/// Distance of two neighbouring codes in a block of this largest magnitude. Zero below the normal
/// numbers, where a scale has no inverse: such a block is sent as zeros and stays in the residual.
inline float int8_scale(float largest) {
  const float scale = std::min(largest / 127, int8_scale_max);
  return scale < std::numeric_limits<float>::min() ? 0 : scale;
}

/// Thirty-two random bits. Source: lowbias32 of Wellons, Hash Function Prospector, 2018, with the
/// upper half of the seed put in midway, so that blocks do not share sequences.
inline std::uint32_t int8_random(std::uint64_t seed, std::uint32_t position) {
  auto x = static_cast<std::uint32_t>(seed) + position * 0x9E3779B9U;
  x = (x ^ (x >> 16)) * 0x7FEB352DU;
  x ^= static_cast<std::uint32_t>(seed >> 32);
  x = (x ^ (x >> 15)) * 0x846CA68BU;
  return x ^ (x >> 16);
}

/// Rounds up with the probability of the fraction; `random` has 16 bits, which stand for the middle
/// of their share of [0, 1).
inline std::int8_t quantise(float& value, float scale, float inverse, std::uint32_t random) {
  const auto bits = bits_of(value);
  const float x = std::bit_cast<float>(bits & magnitude_mask) * inverse;
  const float unit = (static_cast<float>(static_cast<std::int32_t>(random)) + 0.5F) * 0x1p-16F;
  const auto magnitude = std::min(static_cast<std::int32_t>(x + unit), 127);
  const auto negative = static_cast<std::int32_t>(bits) >> 31; // -1 or 0
  const auto code = (magnitude ^ negative) - negative;
  value -= static_cast<float>(code) * scale;
  return static_cast<std::int8_t>(code);
}

/// One whole block. A random number serves an element of either half.
inline void encode_int8_block(float* __restrict values, std::uint64_t seed,
                              std::byte* __restrict out) {
  constexpr auto half = int8_block / 2;
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < int8_block; ++i)
    largest = std::max(largest, bits_of(values[i]) & magnitude_mask);
  const float scale = int8_scale(std::bit_cast<float>(largest));
  const float inverse = scale > 0 ? 1 / scale : 0;
  store(out, scale);
  out += sizeof scale;
  for (std::size_t i = 0; i < half; ++i) {
    const auto random = int8_random(seed, static_cast<std::uint32_t>(i));
    store(out + i, quantise(values[i], scale, inverse, random & 0xffff));
    store(out + half + i, quantise(values[half + i], scale, inverse, random >> 16));
  }
}

/// Each block: its scale, then a byte an element. x / scale is rounded up with the probability of
/// its fraction, so that what is decoded is x on average.
inline void encode_int8(float* __restrict values, std::size_t count, std::uint64_t key,
                        std::byte* __restrict out) {
  const ops::random_sequence seeds(key, 0);
  const auto blocks = count / int8_block;
  constexpr auto block_bytes = sizeof(float) + int8_block;
  for (std::size_t i = 0; i < blocks; ++i)
    encode_int8_block(values + i * int8_block, seeds.bits(i), out + i * block_bytes);
  if (const auto rest = count % int8_block; rest > 0) {
    float padded[int8_block] = {};
    std::byte bytes[block_bytes];
    std::copy_n(values + blocks * int8_block, rest, padded);
    encode_int8_block(padded, seeds.bits(blocks), bytes);
    std::copy_n(padded, rest, values + blocks * int8_block);
    std::copy_n(bytes, sizeof(float) + rest, out + blocks * block_bytes);
  }
}

/// Stops at the first block whose scale encode_int8() cannot have written; `decoded` becomes the
/// number of elements before it.
inline void decode_int8(const std::byte* __restrict in, std::size_t count, float* __restrict out,
                        std::size_t* decoded) {
  std::size_t first = 0;
  for (; first < count; first += int8_block) {
    const auto size = std::min(int8_block, count - first);
    const auto scale = load<float>(in);
    if (!(scale >= 0 && scale <= int8_scale_max)) break;
    in += sizeof scale;
    for (std::size_t i = 0; i < size; ++i)
      out[first + i] = static_cast<float>(load<std::int8_t>(in + i)) * scale;
    in += size;
  }
  *decoded = std::min(first, count);
}

} // namespace lagrange::runtime::codec_loops
