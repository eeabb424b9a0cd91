/// \file
/// The threads of a grid: which elements are whose, and how those of a block agree on one number.
/// All agreements are in a fixed order, so that the same launch gives the same bits.
///
/// Requires: blocks of whole warps, all of whose threads come along.
#pragma once

#include <cmath>
#include <cstdint>

namespace lagrange::ops::cuda {

/// Threads of a block that takes a row at most. Kernels say so to the compiler, or it may give each
/// thread more registers than so many can have, and the launch fails.
constexpr int row_threads_max = 1024;

/// The first element of this thread when those of a one-dimensional grid take turns.
__device__ inline std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

/// How far apart the elements of one thread are.
__device__ inline std::int64_t index_step() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

struct sum {
  __device__ float operator()(float x, float y) const { return x + y; }
};

/// A NaN wins.
struct larger {
  __device__ float operator()(float x, float y) const { return x >= y || x != x ? x : y; }
};

struct smaller {
  __device__ int operator()(int x, int y) const { return x < y ? x : y; }
};

/// What `combine` makes of the values of all threads of a one-dimensional block, in every thread.
/// Requires: combine(x, y) has the bits of combine(y, x).
template <class T, class Combine>
__device__ T combine_block(T mine, Combine combine) {
  __shared__ T parts[32];
  for (int lanes = 16; lanes > 0; lanes /= 2)
    mine = combine(mine, __shfl_xor_sync(0xFFFFFFFFU, mine, lanes));
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = mine;
  __syncthreads();
  T all = parts[0];
  for (unsigned warp = 1; warp < blockDim.x / 32; ++warp) all = combine(all, parts[warp]);
  __syncthreads(); // so that the next agreement may write into the parts
  return all;
}

__device__ inline float block_sum(float mine) { return combine_block(mine, sum{}); }
__device__ inline float block_max(float mine) { return combine_block(mine, larger{}); }
__device__ inline int block_min(int mine) { return combine_block(mine, smaller{}); }

} // namespace lagrange::ops::cuda
