// The CUDA backend: the table of ops/cuda/backend.hpp, filled in.
#include "ops/cuda/backend.hpp"
#include "ops/cuda/kernels.hpp"

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>

namespace {

using lagrange::ops::cuda::axpy_body;

const char* text_of(cudaError_t status) {
  return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
}

const char* count_devices(int* count) {
  *count = 0;
  const auto status = cudaGetDeviceCount(count);
  // Without a driver the runtime complains that the driver is too old.
  int driver = 0;
  if (status == cudaErrorInsufficientDriver && cudaDriverGetVersion(&driver) == cudaSuccess)
    return driver == 0 ? "no NVIDIA driver is loaded on this machine."
                       : "the NVIDIA driver is older than the CUDA runtime needs; update it.";
  if (status == cudaErrorNoDevice || (status == cudaSuccess && *count == 0))
    return "this machine has no GPU that can be used.";
  return text_of(status);
}

const char* describe_device(int index, char* text, std::size_t text_bytes) {
  cudaDeviceProp found{};
  if (const auto status = cudaGetDeviceProperties(&found, index); status != cudaSuccess)
    return text_of(status);
  std::snprintf(text, text_bytes, "%s, sm_%d%d, %zu GiB", found.name, found.major, found.minor,
                found.totalGlobalMem >> 30);
  return nullptr;
}

// Makes `index` the device of the calling thread; null when that went well.
const char* select(int index) { return text_of(cudaSetDevice(index)); }

const char* allocate(int index, std::size_t size_bytes, void** memory) {
  if (const char* why = select(index)) return why;
  return text_of(cudaMalloc(memory, size_bytes));
}

const char* release(int index, void* memory) {
  if (const char* why = select(index)) return why;
  return text_of(cudaFree(memory));
}

const char* copy_in(int index, void* to_device, const void* from_host, std::size_t size_bytes) {
  if (const char* why = select(index)) return why;
  return text_of(cudaMemcpy(to_device, from_host, size_bytes, cudaMemcpyHostToDevice));
}

const char* copy_out(int index, void* to_host, const void* from_device, std::size_t size_bytes) {
  if (const char* why = select(index)) return why;
  return text_of(cudaMemcpy(to_host, from_device, size_bytes, cudaMemcpyDeviceToHost));
}

// A cuBLAS handle per thread and device: making one takes milliseconds, sharing one is not safe.
class blas_handles {
public:
  ~blas_handles() {
    for (auto handle : held_)
      if (handle != nullptr) cublasDestroy(handle);
  }
  const char* at(int index, cublasHandle_t& handle) {
    if (index < 0 || index >= static_cast<int>(held_.size())) return "no such device";
    auto& held = held_[static_cast<std::size_t>(index)];
    if (held == nullptr)
      if (const auto status = cublasCreate(&held); status != CUBLAS_STATUS_SUCCESS)
        return cublasGetStatusString(status);
    handle = held;
    return nullptr;
  }

private:
  std::array<cublasHandle_t, 64> held_{};
};

const char* product(int index, const float* a, int a_transposed, const float* b, int b_transposed,
                    float* y, std::int64_t rows, std::int64_t inner, std::int64_t columns) {
  if (std::min({rows, inner, columns}) < 1 || std::max({rows, inner, columns}) > INT_MAX)
    return "a product takes extents from 1 to 2^31 - 1";
  if (const char* why = select(index)) return why;
  thread_local blas_handles handles;
  cublasHandle_t handle = nullptr;
  if (const char* why = handles.at(index, handle)) return why;
  const auto call = lagrange::ops::cuda::column_major(a, a_transposed != 0, b, b_transposed != 0, y,
                                                      rows, inner, columns);
  const auto operation = [](bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const float one = 1;
  const float zero = 0;
  const auto status = cublasSgemm(
      handle, operation(call.a_transposed), operation(call.b_transposed), static_cast<int>(call.m),
      static_cast<int>(call.n), static_cast<int>(call.k), &one, call.a,
      static_cast<int>(call.a_leading), call.b, static_cast<int>(call.b_leading), &zero, call.c,
      static_cast<int>(call.c_leading));
  if (status != CUBLAS_STATUS_SUCCESS) return cublasGetStatusString(status);
  return text_of(cudaStreamSynchronize(nullptr));
}

template <class Body>
__global__ void update_each(Body body, const float* x, float* y, std::int64_t count) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step)
    y[i] = body(x[i], y[i]);
}

const char* axpy(int index, float factor, const float* x, float* y, std::int64_t count) {
  if (count < 0) return "a vector of less than no elements";
  if (count == 0) return nullptr;
  if (const char* why = select(index)) return why;
  constexpr std::int64_t threads = 256;
  constexpr std::int64_t blocks_max = 4096; // the loop in the kernel takes the rest
  const auto blocks = std::min((count + threads - 1) / threads, blocks_max);
  update_each<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads)>>>(axpy_body{factor},
                                                                                 x, y, count);
  if (const char* why = text_of(cudaGetLastError())) return why;
  return text_of(cudaStreamSynchronize(nullptr));
}

constexpr lagrange_cuda_backend table{.version = lagrange::ops::cuda::backend_version,
                                      .count_devices = count_devices,
                                      .describe_device = describe_device,
                                      .allocate = allocate,
                                      .release = release,
                                      .copy_in = copy_in,
                                      .copy_out = copy_out,
                                      .product = product,
                                      .axpy = axpy};

} // namespace

extern "C" const lagrange_cuda_backend* lagrange_cuda_entry_point() { return &table; }
