#include "ops/elementwise.hpp"

#include "ops/half.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <cstddef>

namespace lagrange::ops {

namespace {

inline void relu_forward_loop(const float* __restrict x, float* __restrict y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] = x[i] < 0 ? 0.0F : x[i];
}

inline void relu_backward_loop(const float* __restrict y, float* __restrict d, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) d[i] = y[i] > 0 ? d[i] : 0.0F;
}

inline void add_to_loop(const float* __restrict x, float* __restrict y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] += x[i];
}

inline void sum_rows_loop(const float* __restrict x, float* __restrict sums, std::size_t rows,
                          std::size_t columns) {
  for (std::size_t r = 0; r < rows; ++r, x += columns)
    for (std::size_t c = 0; c < columns; ++c) sums[c] += x[c];
}

// What is above zero and no NaN has a code from 1 to that of infinity.
inline void relu_backward_codes(const std::int16_t* __restrict y, std::int16_t* __restrict d,
                                std::size_t count, std::int16_t infinite) {
  for (std::size_t i = 0; i < count; ++i)
    d[i] = static_cast<std::int16_t>(y[i] > 0 && y[i] <= infinite ? d[i] : 0);
}

template <class Half>
void sum_rows_of(const std::uint16_t* __restrict x, float* __restrict sums, std::size_t rows,
                 std::size_t columns) {
  for (std::size_t r = 0; r < rows; ++r, x += columns)
    for (std::size_t c = 0; c < columns; ++c) {
      const std::uint32_t code = x[c];
      sums[c] += std::bit_cast<float>(Half::value(code & 0x7fff) | (code & 0x8000) << 16);
    }
}

} // namespace

void relu_forward(std::span<const float> x, std::span<float> y) {
  vectorised<&relu_forward_loop>(x.data(), y.data(), x.size());
}

void relu_backward(std::span<const float> y, std::span<float> d) {
  vectorised<&relu_backward_loop>(y.data(), d.data(), d.size());
}

void add_to(std::span<const float> x, std::span<float> y) {
  vectorised<&add_to_loop>(x.data(), y.data(), x.size());
}

void sum_rows(std::span<const float> x, std::span<float> sums) {
  std::ranges::fill(sums, 0.0F);
  vectorised<&sum_rows_loop>(x.data(), sums.data(), x.size() / sums.size(), sums.size());
}

void relu_backward(dtype type, const void* y, void* d, std::size_t count) {
  LAGRANGE_EXPECT(is_half(type), "codes of type " + std::string(name(type)));
  const std::int16_t infinite = type == dtype::f16 ? 0x7c00 : 0x7f80;
  vectorised<&relu_backward_codes>(static_cast<const std::int16_t*>(y),
                                   static_cast<std::int16_t*>(d), count, infinite);
}

void sum_rows(dtype type, const void* x, std::int64_t rows, std::span<float> sums) {
  LAGRANGE_EXPECT(is_half(type), "codes of type " + std::string(name(type)));
  std::ranges::fill(sums, 0.0F);
  const auto* from = static_cast<const std::uint16_t*>(x);
  const auto count = static_cast<std::size_t>(rows);
  if (type == dtype::f16)
    return vectorised<&sum_rows_of<f16>>(from, sums.data(), count, sums.size());
  vectorised<&sum_rows_of<bf16>>(from, sums.data(), count, sums.size());
}

} // namespace lagrange::ops
