/// \file
/// Softmax of rows, a block each, with a scale before it and a causal mask; and its gradient.
#pragma once

#include "ops/cuda/kernels/threads.cuh"
#include "ops/cuda/row_calls.hpp"
#include "ops/cuda/storage.hpp"

namespace lagrange::ops::cuda {

/// Rows [rows, columns]; under a causal mask row r sees columns 0 to r % columns.
struct softmax_shape {
  std::int64_t rows, columns;
  float scale;
  mask hidden;
  __device__ std::int64_t seen(std::int64_t row) const {
    return hidden == mask::causal ? row % columns + 1 : columns;
  }
};

/// y = softmax(scale * x), 0 where the mask hides. Grid: one-dimensional; a block a row.
template <class X, class Y>
__global__ void __launch_bounds__(row_threads_max)
    softmax_rows(softmax_shape shape, const X* x, Y* y) {
  for (std::int64_t row = blockIdx.x; row < shape.rows; row += gridDim.x) {
    const X* from = x + row * shape.columns;
    Y* to = y + row * shape.columns;
    const std::int64_t seen = shape.seen(row);
    float mine = -INFINITY;
    for (std::int64_t i = threadIdx.x; i < seen; i += blockDim.x)
      mine = larger{}(mine, shape.scale * to_float(from[i]));
    const float largest = block_max(mine);
    mine = 0;
    for (std::int64_t i = threadIdx.x; i < seen; i += blockDim.x)
      mine += expf(shape.scale * to_float(from[i]) - largest);
    const float share = 1 / block_sum(mine);
    for (std::int64_t i = threadIdx.x; i < shape.columns; i += blockDim.x)
      to[i] = rounded<Y>(i < seen ? expf(shape.scale * to_float(from[i]) - largest) * share : 0.0F);
  }
}

/// d_x = scale * y * (d_y - sum of d_y * y). Grid: one-dimensional; a block a row.
template <class Y, class D, class X>
__global__ void __launch_bounds__(row_threads_max)
    softmax_row_slopes(softmax_shape shape, const Y* y, const D* d_y, X* d_x) {
  for (std::int64_t row = blockIdx.x; row < shape.rows; row += gridDim.x) {
    const std::int64_t first = row * shape.columns;
    const std::int64_t seen = shape.seen(row);
    float mine = 0;
    for (std::int64_t i = threadIdx.x; i < seen; i += blockDim.x)
      mine += to_float(y[first + i]) * to_float(d_y[first + i]);
    const float mean = block_sum(mine);
    for (std::int64_t i = threadIdx.x; i < shape.columns; i += blockDim.x)
      d_x[first + i] = rounded<X>(i < seen ? shape.scale * to_float(y[first + i]) *
                                                 (to_float(d_y[first + i]) - mean)
                                           : 0.0F);
  }
}

} // namespace lagrange::ops::cuda
