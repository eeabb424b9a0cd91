#include "tests/support/cuda_device.hpp"

#include <bit>

using namespace lagrange::ops::cuda;

namespace {

// The value of binary16 by its definition.
double value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double sign = bits >> 15 != 0 ? -1 : 1;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

bool is_even(std::uint16_t bits) { return bits % 2 == 0; }

} // namespace

TEST_CASE("every half is the number of its definition, and rounds to itself", "[ops][cuda]") {
  int wrong = 0;
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float x = to_float(f16{bits});
    const double wanted = value(bits);
    if (std::isnan(wanted)) {
      wrong += std::isnan(x) && std::isnan(to_float(rounded<f16>(x))) ? 0 : 1;
      continue;
    }
    wrong += x == wanted && std::signbit(x) == (i >= 0x8000) ? 0 : 1;
    wrong += rounded<f16>(x).bits == bits ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("halfway between two halves the even one is taken, else the nearest", "[ops][cuda]") {
  int wrong = 0;
  for (std::uint16_t bits = 0; bits < 0x7BFF; ++bits) {
    const auto next = static_cast<std::uint16_t>(bits + 1);
    const auto middle = static_cast<float>((value(bits) + value(next)) / 2);
    wrong += rounded<f16>(middle).bits == (is_even(bits) ? bits : next) ? 0 : 1;
    wrong += rounded<f16>(std::nextafter(middle, 0.0F)).bits == bits ? 0 : 1;
    wrong += rounded<f16>(-std::nextafter(middle, 1e9F)).bits == (next | 0x8000) ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(rounded<f16>(65519.9F).bits == 0x7BFF);
  CHECK(rounded<f16>(65520).bits == 0x7C00);
  CHECK(rounded<f16>(-1e30F).bits == 0xFC00);
  CHECK(rounded<f16>(1e-30F).bits == 0);
}

TEST_CASE("every bfloat16 rounds to itself, and halfway to the even one", "[ops][cuda]") {
  int wrong = 0;
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float x = to_float(bf16{bits});
    const auto back = rounded<bf16>(x).bits;
    wrong += std::isnan(x) ? !std::isnan(to_float(bf16{back})) : back != bits;
    if (!std::isfinite(x)) continue;
    const auto middle = std::bit_cast<float>(i << 16 | 0x8000U);
    const auto above = std::bit_cast<float>(i << 16 | 0x8001U);
    wrong += rounded<bf16>(middle).bits != (is_even(bits) ? bits : bits + 1);
    wrong += rounded<bf16>(above).bits != bits + 1;
  }
  CHECK(wrong == 0);
  CHECK(std::isnan(to_float(rounded<bf16>(std::bit_cast<float>(0x7F800001U)))));
}
