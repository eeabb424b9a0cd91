/// \file
/// Kernels that add many numbers to few. Each sum is made in two launches, parts first, and which
/// thread adds what depends on the shape alone: the same bits every time, without atomics.
#pragma once

#include "ops/cuda/kernels/threads.cuh"
#include "ops/cuda/storage.hpp"

#include <algorithm>

namespace lagrange::ops::cuda {

/// parts[block] = sum of body(i) over the elements of a block. Grid: one-dimensional.
template <class Body>
__global__ void sum_blocks(Body body, std::int64_t count, float* parts) {
  float mine = 0;
  for (std::int64_t i = first_index(); i < count; i += index_step()) mine += body(i);
  const float all = block_sum(mine);
  if (threadIdx.x == 0) parts[blockIdx.x] = all;
}

/// total = factor * sum of the parts. Grid: one block.
__global__ inline void sum_parts(float factor, const float* parts, std::int64_t count,
                                 float* total) {
  float mine = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) mine += parts[i];
  const float all = block_sum(mine);
  if (threadIdx.x == 0) *total = factor * all;
}

/// How rows are dealt out: chunk i takes rows [i * chunk_rows, (i + 1) * chunk_rows).
struct columns_shape {
  std::int64_t rows, columns, chunk_rows;
};

constexpr unsigned column_lanes = 32; // columns of a block
constexpr unsigned row_lanes = 8;     // rows that a block reads at a time

/// parts [outputs, chunks, columns] += body's `outputs` numbers for each element of a column; body
/// adds them to the array that it is given. Grid: threads (column_lanes, row_lanes), blocks
/// (columns, chunks).
template <int outputs, class Body>
__global__ void sum_columns(Body body, columns_shape shape, float* parts) {
  __shared__ float shared[outputs][row_lanes][column_lanes];
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * column_lanes + threadIdx.x;
  const std::int64_t first = blockIdx.y * shape.chunk_rows;
  const std::int64_t last =
      first + shape.chunk_rows < shape.rows ? first + shape.chunk_rows : shape.rows;
  float mine[outputs] = {};
  if (column < shape.columns)
    for (std::int64_t row = first + threadIdx.y; row < last; row += row_lanes)
      body(row, column, mine);
  for (int i = 0; i < outputs; ++i) shared[i][threadIdx.y][threadIdx.x] = mine[i];
  __syncthreads();
  if (threadIdx.y != 0 || column >= shape.columns) return;
  for (int i = 0; i < outputs; ++i) {
    float all = 0;
    for (unsigned lane = 0; lane < row_lanes; ++lane) all += shared[i][lane][threadIdx.x];
    parts[(i * static_cast<std::int64_t>(gridDim.y) + blockIdx.y) * shape.columns + column] = all;
  }
}

/// body(column, totals), where the totals are sums of parts [outputs, chunks, columns] over the
/// chunks. Grid: one-dimensional.
template <int outputs, class Body>
__global__ void combine_chunks(Body body, std::int64_t chunks, std::int64_t columns,
                               const float* parts) {
  for (std::int64_t column = first_index(); column < columns; column += index_step()) {
    float totals[outputs] = {};
    for (int i = 0; i < outputs; ++i)
      for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
        totals[i] += parts[(i * chunks + chunk) * columns + column];
    body(column, totals);
  }
}

// What is added, and where totals go.

template <class T>
struct square_body {
  const T* x;
  __device__ float operator()(std::int64_t i) const { return to_float(x[i]) * to_float(x[i]); }
};

struct element_body {
  const float* x;
  __device__ float operator()(std::int64_t i) const { return x[i]; }
};

template <class T>
struct column_body {
  const T* x;
  std::int64_t columns;
  __device__ void operator()(std::int64_t row, std::int64_t column, float (&sums)[1]) const {
    sums[0] += to_float(x[row * columns + column]);
  }
};

/// Writes each total where it is wanted; null: nowhere.
template <int outputs>
struct store_totals {
  float* to[outputs];
  __device__ void operator()(std::int64_t column, const float (&totals)[outputs]) const {
    for (int i = 0; i < outputs; ++i)
      if (to[i] != nullptr) to[i][column] = totals[i];
  }
};

} // namespace lagrange::ops::cuda
