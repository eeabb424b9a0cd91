#include "ops/elementwise.hpp"

#include <algorithm>
#include <cstddef>

namespace lagrange::ops {

namespace {

[[gnu::target_clones("avx512f", "avx2", "default")]] void
relu_forward_loop(const float* __restrict x, float* __restrict y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] = x[i] < 0 ? 0.0F : x[i];
}

[[gnu::target_clones("avx512f", "avx2", "default")]] void
relu_backward_loop(const float* __restrict y, float* __restrict d, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) d[i] = y[i] > 0 ? d[i] : 0.0F;
}

[[gnu::target_clones("avx512f", "avx2", "default")]] void
add_loop(const float* __restrict x, float* __restrict sums, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) sums[i] += x[i];
}

} // namespace

void relu_forward(std::span<const float> x, std::span<float> y) {
  relu_forward_loop(x.data(), y.data(), x.size());
}

void relu_backward(std::span<const float> y, std::span<float> d) {
  relu_backward_loop(y.data(), d.data(), d.size());
}

void sum_rows(std::span<const float> x, std::span<float> sums) {
  std::ranges::fill(sums, 0.0F);
  for (std::size_t at = 0; at < x.size(); at += sums.size())
    add_loop(x.data() + at, sums.data(), sums.size());
}

} // namespace lagrange::ops
