/// \file
/// Kernels that move rows about: embeddings, and the heads of attention.
///
/// Grids: threads (elements of a row, rows), one-dimensional blocks of rows.
#pragma once

#include "ops/cuda/kernels/threads.cuh"
#include "ops/cuda/storage.hpp"

namespace lagrange::ops::cuda {

__device__ inline std::int64_t first_row() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
}
__device__ inline std::int64_t row_step() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.y;
}

/// y [tokens, width] = the rows of `table` [entries, width] that `ids` [tokens] name; NaN where
/// there is no such row.
template <class T>
__global__ void take_rows(std::int64_t tokens, std::int64_t entries, std::int64_t width,
                          const std::int32_t* ids, const T* table, T* y) {
  for (std::int64_t token = first_row(); token < tokens; token += row_step()) {
    const std::int64_t id = ids[token];
    const bool is_entry = id >= 0 && id < entries;
    for (std::int64_t i = threadIdx.x; i < width; i += blockDim.x)
      y[token * width + i] = is_entry ? table[id * width + i] : rounded<T>(NAN);
  }
}

/// rows [segments, width]: the sum of rows order[starts[s]] to order[starts[s + 1] - 1] of d_y
/// [tokens, width], in this order.
template <class T>
__global__ void sum_segments(std::int64_t segments, std::int64_t width, const std::int32_t* order,
                             const std::int32_t* starts, const T* d_y, float* rows) {
  for (std::int64_t segment = first_row(); segment < segments; segment += row_step())
    for (std::int64_t i = threadIdx.x; i < width; i += blockDim.x) {
      float all = 0;
      for (std::int32_t at = starts[segment]; at < starts[segment + 1]; ++at)
        all += to_float(d_y[order[at] * width + i]);
      rows[segment * width + i] = all;
    }
}

/// How the parts of attention (queries, keys, values; or only one) lie.
struct heads_shape {
  std::int64_t parts, batch, time, heads, width;
};

/// split [parts, B, heads, T, width] = joined [B, T, parts, heads, width].
template <class T>
__global__ void split_heads(heads_shape of, const T* joined, T* split) {
  const std::int64_t rows = of.parts * of.batch * of.heads * of.time;
  for (std::int64_t row = first_row(); row < rows; row += row_step()) {
    const std::int64_t time = row % of.time;
    const std::int64_t head = row / of.time % of.heads;
    const std::int64_t sequence = row / of.time / of.heads % of.batch;
    const std::int64_t part = row / of.time / of.heads / of.batch;
    const std::int64_t from = ((sequence * of.time + time) * of.parts + part) * of.heads + head;
    for (std::int64_t i = threadIdx.x; i < of.width; i += blockDim.x)
      split[row * of.width + i] = joined[from * of.width + i];
  }
}

/// The way back: joined [B, T, parts, heads, width] = split [parts, B, heads, T, width].
template <class T>
__global__ void join_heads(heads_shape of, const T* split, T* joined) {
  const std::int64_t rows = of.parts * of.batch * of.heads * of.time;
  for (std::int64_t row = first_row(); row < rows; row += row_step()) {
    const std::int64_t head = row % of.heads;
    const std::int64_t part = row / of.heads % of.parts;
    const std::int64_t time = row / of.heads / of.parts % of.time;
    const std::int64_t sequence = row / of.heads / of.parts / of.time;
    const std::int64_t from = ((part * of.batch + sequence) * of.heads + head) * of.time + time;
    for (std::int64_t i = threadIdx.x; i < of.width; i += blockDim.x)
      joined[row * of.width + i] = split[from * of.width + i];
  }
}

} // namespace lagrange::ops::cuda
