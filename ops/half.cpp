#include "ops/half.hpp"

#include "ops/vectorised.hpp"

#include <algorithm>

namespace lagrange::ops {

namespace {

// What rounds beyond the largest number, and the codes of what is none.
template <class Half>
struct beyond;
template <>
struct beyond<f16> {
  static constexpr std::uint32_t first = 0x477ff000; ///< 65520, half way to 2^16
  static constexpr std::uint32_t infinite = 0x7c00, nan = 0x7e00;
};
template <>
struct beyond<bf16> {
  static constexpr std::uint32_t first = 0x7f7f8000;
  static constexpr std::uint32_t infinite = 0x7f80, nan = 0x7fc0;
};

template <class Half>
void narrow_loop(const float* __restrict x, std::uint16_t* __restrict y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x[i]);
    const auto magnitude = bits & magnitude_mask;
    auto code = Half::code(Half::round(std::min(magnitude, Half::largest)));
    code = magnitude >= beyond<Half>::first ? beyond<Half>::infinite : code;
    code = magnitude > infinite_bits ? beyond<Half>::nan : code;
    y[i] = static_cast<std::uint16_t>(code | (bits & ~magnitude_mask) >> 16);
  }
}

template <class Half>
void widen_loop(const std::uint16_t* __restrict x, float* __restrict y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t code = x[i];
    y[i] = std::bit_cast<float>(Half::value(code & 0x7fff) | (code & 0x8000) << 16);
  }
}

void check(dtype type) {
  LAGRANGE_EXPECT(is_half(type), "a 16-bit number of type " + std::string(name(type)));
}

} // namespace

void narrow(std::span<const float> x, dtype type, void* y) {
  check(type);
  auto* const to = static_cast<std::uint16_t*>(y);
  if (type == dtype::f16) return vectorised<&narrow_loop<f16>>(x.data(), to, x.size());
  vectorised<&narrow_loop<bf16>>(x.data(), to, x.size());
}

void widen(const void* x, dtype type, std::span<float> y) {
  check(type);
  const auto* const from = static_cast<const std::uint16_t*>(x);
  if (type == dtype::f16) return vectorised<&widen_loop<f16>>(from, y.data(), y.size());
  vectorised<&widen_loop<bf16>>(from, y.data(), y.size());
}

} // namespace lagrange::ops
