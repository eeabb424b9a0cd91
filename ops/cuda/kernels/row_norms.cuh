/// \file
/// Layer normalisation and RMS normalisation of rows, a block each, and their gradients.
///
/// Paper: Ba, Kiros, Hinton: Layer Normalization (2016). Zhang, Sennrich: Root Mean Square Layer
/// Normalization (NeurIPS 2019).
#pragma once

#include "ops/cuda/kernels/threads.cuh"
#include "ops/cuda/row_calls.hpp"
#include "ops/cuda/storage.hpp"

namespace lagrange::ops::cuda {

/// What the backward pass needs of a row [rows]: x is normalised to (x - mean) * scale. The mean is
/// 0 and not kept (null) in RMS normalisation.
struct row_statistics {
  float* mean;
  float* scale;
  __device__ float normalised(std::int64_t row, float x) const {
    return (mean == nullptr ? x : x - mean[row]) * scale[row];
  }
};

/// y = normalised x * gamma + beta; beta may be null. Grid: one-dimensional; a block a row.
template <class T>
__global__ void __launch_bounds__(row_threads_max)
    normalise_rows(row_norm_shape shape, const T* x, row_parameters by, row_statistics kept, T* y) {
  const auto width = static_cast<float>(shape.columns);
  for (std::int64_t row = blockIdx.x; row < shape.rows; row += gridDim.x) {
    const std::int64_t first = row * shape.columns;
    float mean = 0;
    float mine = 0;
    if (kept.mean != nullptr) {
      for (std::int64_t i = threadIdx.x; i < shape.columns; i += blockDim.x)
        mine += to_float(x[first + i]);
      mean = block_sum(mine) / width;
    }
    mine = 0;
    for (std::int64_t i = threadIdx.x; i < shape.columns; i += blockDim.x) {
      const float apart = to_float(x[first + i]) - mean;
      mine += apart * apart;
    }
    const float scale = 1 / sqrtf(block_sum(mine) / width + shape.epsilon);
    for (std::int64_t i = threadIdx.x; i < shape.columns; i += blockDim.x) {
      const float normalised = (to_float(x[first + i]) - mean) * scale;
      const float shift = by.beta == nullptr ? 0.0F : by.beta[i];
      y[first + i] = rounded<T>(normalised * by.gamma[i] + shift);
    }
    if (threadIdx.x != 0) continue;
    if (kept.mean != nullptr) kept.mean[row] = mean;
    kept.scale[row] = scale;
  }
}

/// With g = d_y * gamma: d_x = scale * (g - mean of g - normalised x * mean of g * normalised x),
/// where RMS normalisation has no mean of g. d_x may be d_y. Grid: one-dimensional; a block a row.
template <class T>
__global__ void __launch_bounds__(row_threads_max)
    row_norm_row_slopes(row_norm_shape shape, const T* x, const float* gamma, row_statistics kept,
                        const T* d_y, T* d_x) {
  const auto width = static_cast<float>(shape.columns);
  for (std::int64_t row = blockIdx.x; row < shape.rows; row += gridDim.x) {
    const std::int64_t first = row * shape.columns;
    float slopes = 0;
    float products = 0;
    for (std::int64_t i = threadIdx.x; i < shape.columns; i += blockDim.x) {
      const float g = to_float(d_y[first + i]) * gamma[i];
      slopes += g;
      products += g * kept.normalised(row, to_float(x[first + i]));
    }
    slopes = kept.mean == nullptr ? 0.0F : block_sum(slopes) / width;
    products = block_sum(products) / width;
    for (std::int64_t i = threadIdx.x; i < shape.columns; i += blockDim.x) {
      const float g = to_float(d_y[first + i]) * gamma[i];
      const float normalised = kept.normalised(row, to_float(x[first + i]));
      d_x[first + i] = rounded<T>(kept.scale[row] * (g - slopes - normalised * products));
    }
  }
}

/// The gradients of gamma and beta in a column: d_y * normalised x, and d_y.
template <class T>
struct row_norm_columns {
  std::int64_t columns;
  const T* x;
  const T* d_y;
  row_statistics kept;
  __device__ void operator()(std::int64_t row, std::int64_t column, float (&sums)[2]) const {
    const float slope = to_float(d_y[row * columns + column]);
    sums[0] += slope * kept.normalised(row, to_float(x[row * columns + column]));
    sums[1] += slope;
  }
};

} // namespace lagrange::ops::cuda
