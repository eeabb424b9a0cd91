/// \file
/// What a context and a stream of the backend are, and how its operations give work to a stream.
/// Included by the sources of the module only, after the headers of CUDA.
#pragma once

#include "ops/cuda/backend.hpp"
#include "ops/cuda/caching_allocator.hpp"
#include "ops/cuda/kernels/threads.cuh"
#include "ops/cuda/storage.hpp"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <vector>

namespace lagrange::ops::cuda {

inline status text_of(cudaError_t code) {
  return code == cudaSuccess ? nullptr : cudaGetErrorString(code);
}

inline status text_of(cublasStatus_t code) {
  return code == CUBLAS_STATUS_SUCCESS ? nullptr : cublasGetStatusString(code);
}

/// Runs calls until one fails, and returns why.
template <class... Calls>
status first_failure(Calls... calls) {
  status why = nullptr;
  (void)(... || ((why = calls()) != nullptr));
  return why;
}

/// Memory of one device, and events for the marks of the allocator.
class real_memory final : public device_memory {
public:
  explicit real_memory(int index) : index_(index) {}
  ~real_memory() override;
  void* obtain(std::size_t size_bytes) override;
  void give_back(void* memory) override;
  std::uint64_t mark(const void* stream) override;
  bool is_past(std::uint64_t mark) override;
  void forget(std::uint64_t mark) override { free_.push_back(mark); }

private:
  int index_;
  std::vector<cudaEvent_t> events_; // marks are numbers of these
  std::vector<std::uint64_t> free_;
};

struct context {
  context(int device, std::size_t held_bytes_max)
      : index(device), memory(device), allocator(memory, held_bytes_max) {}
  int index;
  real_memory memory;
  caching_allocator allocator;
};

struct stream {
  context* of = nullptr;
  cudaStream_t handle = nullptr;
  cublasHandle_t blas = nullptr; // of its own: two streams that share one do not give the same bits
  void* blas_memory = nullptr;
};

struct event {
  context* of = nullptr;
  cudaEvent_t handle = nullptr;
};

inline status select(const context& of) { return text_of(cudaSetDevice(of.index)); }

/// Memory of the stream until the end of a scope: work that is given to the stream before may use
/// it, since what the stream gets later comes later.
class scratch {
public:
  explicit scratch(stream& on) : allocator_(on.of->allocator), stream_(&on) {}
  ~scratch() {
    if (memory_ != nullptr) allocator_.release(memory_);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  template <class T>
  status take(std::int64_t count, T*& memory) {
    memory_ = allocator_.allocate(stream_, static_cast<std::size_t>(count) * sizeof(T));
    memory = static_cast<T*>(memory_);
    return memory_ == nullptr ? "there is not enough device memory for the scratch of an operation"
                              : nullptr;
  }

private:
  caching_allocator& allocator_;
  stream* stream_;
  void* memory_ = nullptr;
};

struct grid {
  dim3 blocks, threads;
};

/// Gives a kernel to the stream.
template <class... Parameters>
status launch(stream& on, grid at, void (*kernel)(Parameters...),
              std::type_identity_t<Parameters>... arguments) {
  if (status why = select(*on.of)) return why;
  cudaLaunchConfig_t config{};
  config.gridDim = at.blocks;
  config.blockDim = at.threads;
  config.stream = on.handle;
  return text_of(cudaLaunchKernelEx(&config, kernel, arguments...));
}

constexpr unsigned block_threads = 256;

/// As many blocks as there is work for, and at most `most`: loops in kernels take the rest.
constexpr unsigned blocks_for(std::int64_t count, std::int64_t per_block,
                              std::int64_t most = 4096) {
  return static_cast<unsigned>(std::clamp((count - 1) / per_block + 1, std::int64_t{1}, most));
}

/// For loops over `count` elements.
inline grid line_grid(std::int64_t count, std::int64_t blocks_max = 4096) {
  return {blocks_for(count, block_threads, blocks_max), block_threads};
}

/// A block a row, with a thread for every four elements or so, in whole warps.
inline grid row_grid(std::int64_t rows, std::int64_t columns) {
  const auto quarter =
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(columns / 4, 32, row_threads_max));
  return {blocks_for(rows, 1, std::int64_t{1} << 16),
          static_cast<unsigned>(std::bit_floor(quarter))};
}

/// Threads side by side along a row of `width` elements, and the rest of a block in further rows.
inline dim3 plane_threads(std::int64_t width) {
  const auto lanes = static_cast<unsigned>(
      std::bit_ceil(static_cast<std::uint64_t>(std::clamp<std::int64_t>(width, 1, 128))));
  return {lanes, block_threads / lanes};
}

/// For loops over rows, whose threads go along each.
inline grid rows_grid(std::int64_t rows, std::int64_t width) {
  const dim3 threads = plane_threads(width);
  return {blocks_for(rows, threads.y, std::int64_t{1} << 16), threads};
}

/// For loops over rows whose threads keep their column.
inline grid plane_grid(std::int64_t rows, std::int64_t columns) {
  const dim3 threads = plane_threads(columns);
  return {
      {blocks_for(columns, threads.x, std::int64_t{1} << 30), blocks_for(rows, threads.y, 1024)},
      threads};
}

/// work(T{}) for the storage type T of `type`.
template <class Work>
status with_type(dtype type, Work work) {
  switch (type) {
  case dtype::f32:
    return work(float{});
  case dtype::f16:
    return work(f16{});
  case dtype::bf16:
    return work(bf16{});
  default:
    return "operations take elements of f32, f16 and bf16";
  }
}

inline status refuse_extents() { return "an extent is less than 1"; }

template <class... Extents>
bool are_extents(Extents... extents) {
  return (... && (extents >= 1));
}

/// Null if windows can be taken of such images.
status refuse_window(const window_shape& at);

template <class T>
const T* as(const void* memory, T) {
  return static_cast<const T*>(memory);
}
template <class T>
T* as(void* memory, T) {
  return static_cast<T*>(memory);
}

// The operations, by source: products.cu, elementwise.cu, sums.cu, norms.cu, images.cu, rows.cu.
status product(stream* on, const product_call& call);
status activate(stream* on, const activation_call& call);
status activation_slopes(stream* on, const activation_slopes_call& call);
status add_bias(stream* on, const bias_call& call);
status add(stream* on, const sum_call& call);
status multiply(stream* on, const multiply_call& call);
status scale(stream* on, const factor_call& call);
status axpy(stream* on, const factor_call& call);
status convert(stream* on, const conversion_call& call);
status dropout(stream* on, const dropout_call& call);
status sum_rows(stream* on, const row_sum_call& call);
status sum_squares(stream* on, const square_sum_call& call);
status softmax(stream* on, const softmax_call& call);
status softmax_slopes(stream* on, const softmax_slopes_call& call);
status cross_entropy(stream* on, const cross_entropy_call& call);
status binary_cross_entropy(stream* on, const pointwise_loss_call& call);
status squared_error(stream* on, const pointwise_loss_call& call);
status row_norm(stream* on, const row_norm_call& call);
status row_norm_slopes(stream* on, const row_norm_slopes_call& call);
status batch_norm(stream* on, const batch_norm_call& call);
status batch_norm_slopes(stream* on, const batch_norm_slopes_call& call);
status pool(stream* on, const pool_call& call);
status pool_slopes(stream* on, const pool_slopes_call& call);
status pixel_mean(stream* on, const pixel_mean_call& call);
status pixel_mean_slopes(stream* on, const pixel_mean_call& call);
status subsample(stream* on, const subsample_call& call);
status subsample_slopes(stream* on, const subsample_call& call);
status convolution(stream* on, const convolution_call& call);
status convolution_slopes(stream* on, const convolution_slopes_call& call);
status embedding(stream* on, const embedding_call& call);
status embedding_slopes(stream* on, const embedding_slopes_call& call);
status attention(stream* on, const attention_call& call);
status attention_slopes(stream* on, const attention_slopes_call& call);

} // namespace lagrange::ops::cuda
