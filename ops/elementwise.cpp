#include "ops/elementwise.hpp"

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

} // namespace lagrange::ops
