/// \file
/// The language of CUDA kernels on the CPU, so that the very kernels that a GPU runs are tested
/// where there is none: the threads of a block are fibres of one thread, which change places at
/// barriers and shuffles.
///
/// The blocks of a grid run one after another, and neither blocks nor warps nor lanes run in a
/// fixed order: every launch, and every stretch between barriers, draws its own, and a warp runs as
/// far as it gets before the next one does. A barrier that is missing therefore changes results,
/// and the thread sanitizer, which is told of the fibres and of nothing that they do not
/// synchronise, reports it as a data race.
///
/// Limitations: all lanes of a warp come to a shuffle; a thread may not leave its block before a
/// barrier; only what the kernels of ops/cuda use is here.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

// The words that mark kernels. Blocks run one after another, so that what they share may be static.
#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

struct uint3 {
  unsigned x = 0, y = 0, z = 0;
};

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_extent = 1, unsigned y_extent = 1, unsigned z_extent = 1)
      : x(x_extent), y(y_extent), z(z_extent) {}
};

/// Of the fibre that runs.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

void __syncthreads();

namespace lagrange::tests {

/// Runs `kernel` once for every thread of the grid.
/// Errors: throws std::logic_error when not all threads of a block come to a barrier.
void run_grid(dim3 blocks, dim3 threads, const std::function<void()>& kernel);

/// Leaves `mine` to the other lanes of the warp, waits for all of them, and returns what the lane
/// whose number differs from this one's by `lane_mask` in binary has left.
std::uint64_t exchange(std::uint64_t mine, unsigned lane_mask);

} // namespace lagrange::tests

template <class T>
T __shfl_xor_sync(unsigned, T value, int lane_mask) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = lagrange::tests::exchange(bits, static_cast<unsigned>(lane_mask));
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
