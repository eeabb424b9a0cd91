/// \file
/// As much of the CUDA runtime as ops/cuda calls, on the CPU. Streams are as lazy as they may be:
/// nothing that is given to one happens before somebody waits for it, so that a result that is read
/// too early, or a buffer that is let go too early, is seen by the tests.
///
/// It is stricter than a GPU: memory that is copied between host and device must be pinned and
/// inside one allocation, fresh memory is full of NaNs, and limits of grids are those of the
/// manual. tests/support/cuda_include has it under the names that ops/cuda includes.
#pragma once

#include "tests/support/cuda_emulation.hpp"

#include <type_traits>

enum cudaError_t {
  cudaSuccess,
  cudaErrorInvalidValue,
  cudaErrorMemoryAllocation,
  cudaErrorInvalidConfiguration,
  cudaErrorInsufficientDriver,
  cudaErrorNoDevice,
  cudaErrorInvalidDevice,
  cudaErrorNotReady
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
constexpr unsigned cudaStreamNonBlocking = 1;
constexpr unsigned cudaEventDisableTiming = 2;

using cudaStream_t = struct emulated_stream*;
using cudaEvent_t = struct emulated_event*;

struct cudaDeviceProp {
  char name[256];
  int major, minor;
  std::size_t totalGlobalMem;
  int multiProcessorCount;
};

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
};

const char* cudaGetErrorString(cudaError_t status);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* found, int index);
cudaError_t cudaSetDevice(int index);
cudaError_t cudaMalloc(void** memory, std::size_t size_bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMallocHost(void** memory, std::size_t size_bytes);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t size_bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* memory, int byte, std::size_t size_bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* made, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* made, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventQuery(cudaEvent_t event);

namespace lagrange::tests {

/// Gives `work` to a stream.
void enqueue(cudaStream_t stream, std::function<void()> work);

/// Whether a GPU would take this grid.
bool is_launchable(dim3 blocks, dim3 threads);

/// How often somebody has waited for the device so far; giving memory back is waiting, too.
std::size_t synchronisations();

/// How often device memory was asked for so far.
std::size_t device_allocations();

/// The memory that the device has from now on, and 1 GiB at first. Units: bytes.
void set_capacity(std::size_t capacity_bytes);

} // namespace lagrange::tests

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  static_assert(std::is_same_v<void(std::decay_t<Arguments>...), void(Parameters...)>);
  if (!lagrange::tests::is_launchable(config->gridDim, config->blockDim))
    return cudaErrorInvalidConfiguration;
  lagrange::tests::enqueue(config->stream,
                           [blocks = config->gridDim, threads = config->blockDim, kernel,
                            ... given = std::decay_t<Arguments>(arguments)] {
                             lagrange::tests::run_grid(blocks, threads, [&] { kernel(given...); });
                           });
  return cudaSuccess;
}
