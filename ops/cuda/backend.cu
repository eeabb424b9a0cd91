// The CUDA backend: the table of ops/cuda/backend.hpp, filled in.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "ops/cuda/device.cuh"

#include <cstdio>
#include <new>

namespace lagrange::ops::cuda {

real_memory::~real_memory() {
  for (auto each : events_) cudaEventDestroy(each);
}

void* real_memory::obtain(std::size_t size_bytes) {
  void* memory = nullptr;
  if (cudaSetDevice(index_) == cudaSuccess && cudaMalloc(&memory, size_bytes) == cudaSuccess)
    return memory;
  cudaGetLastError(); // or the next launch would be blamed for it
  return nullptr;
}

void real_memory::give_back(void* memory) {
  cudaSetDevice(index_);
  cudaFree(memory);
}

std::uint64_t real_memory::mark(const void* on) {
  if (free_.empty()) {
    cudaEvent_t made = nullptr;
    cudaEventCreateWithFlags(&made, cudaEventDisableTiming);
    free_.push_back(events_.size());
    events_.push_back(made);
  }
  const auto taken = free_.back();
  free_.pop_back();
  cudaEventRecord(events_[taken], static_cast<const stream*>(on)->handle);
  return taken;
}

bool real_memory::is_past(std::uint64_t mark) {
  if (cudaEventQuery(events_[mark]) == cudaErrorNotReady) return false;
  free_.push_back(mark);
  return true;
}

namespace {

status count_devices(int* count) {
  *count = 0;
  const auto code = cudaGetDeviceCount(count);
  // Without a driver the runtime complains that the driver is too old.
  int driver = 0;
  if (code == cudaErrorInsufficientDriver && cudaDriverGetVersion(&driver) == cudaSuccess)
    return driver == 0 ? "no NVIDIA driver is loaded on this machine."
                       : "the NVIDIA driver is older than the CUDA runtime needs; update it.";
  if (code == cudaErrorNoDevice || (code == cudaSuccess && *count == 0))
    return "this machine has no GPU that can be used.";
  return text_of(code);
}

// Kernels are machine code of their architecture, but for a device that is newer than all that the
// module was built for: the driver compiles those. cuBLAS looks at the number of multiprocessors.
status describe_device(int index, char* text, std::size_t text_bytes) {
  cudaDeviceProp found{};
  int runtime = 0, driver = 0, major = 0, minor = 0, patch = 0;
  const status why =
      first_failure([&] { return text_of(cudaGetDeviceProperties(&found, index)); },
                    [&] { return text_of(cudaRuntimeGetVersion(&runtime)); },
                    [&] { return text_of(cudaDriverGetVersion(&driver)); },
                    [&] { return text_of(cublasGetProperty(MAJOR_VERSION, &major)); },
                    [&] { return text_of(cublasGetProperty(MINOR_VERSION, &minor)); },
                    [&] { return text_of(cublasGetProperty(PATCH_LEVEL, &patch)); });
  if (why != nullptr) return why;
  std::snprintf(text, text_bytes,
                "%s, sm_%d%d, %d multiprocessors, %zu GiB; CUDA %d.%d, driver %d.%d, cuBLAS "
                "%d.%d.%d",
                found.name, found.major, found.minor, found.multiProcessorCount,
                found.totalGlobalMem >> 30, runtime / 1000, runtime % 1000 / 10, driver / 1000,
                driver % 1000 / 10, major, minor, patch);
  return nullptr;
}

status open(int index, std::size_t held_bytes_max, context** made) {
  if (status why = text_of(cudaSetDevice(index))) return why;
  *made = new (std::nothrow) context(index, held_bytes_max);
  return *made == nullptr ? "there is no memory of the host for a context" : nullptr;
}

status close(context* of) {
  const status why = select(*of);
  delete of;
  return why;
}

// What cuBLAS works in; its own choice would be memory that the limit does not know of. It asks for
// 32 MiB on Hopper and for less elsewhere.
constexpr std::size_t blas_bytes = std::size_t{32} << 20;

status close_stream(stream* on) {
  const status why = first_failure(
      [&] { return select(*on->of); },
      [&] { return on->handle == nullptr ? nullptr : text_of(cudaStreamSynchronize(on->handle)); });
  if (on->blas != nullptr) cublasDestroy(on->blas);
  if (on->blas_memory != nullptr) on->of->allocator.release(on->blas_memory);
  on->of->allocator.close_stream(on);
  if (on->handle != nullptr) cudaStreamDestroy(on->handle);
  delete on;
  return why;
}

status open_stream(context* of, stream** made) {
  *made = nullptr;
  auto* opened = new (std::nothrow) stream{.of = of};
  if (opened == nullptr) return "there is no memory of the host for a stream";
  const status why = first_failure(
      [&] { return select(*of); },
      [&] { return text_of(cudaStreamCreateWithFlags(&opened->handle, cudaStreamNonBlocking)); },
      [&]() -> status {
        opened->blas_memory = of->allocator.allocate(opened, blas_bytes);
        return opened->blas_memory == nullptr
                   ? "there is not enough device memory for a stream's products (32 MiB)"
                   : nullptr;
      },
      [&] { return text_of(cublasCreate(&opened->blas)); },
      [&] { return text_of(cublasSetStream(opened->blas, opened->handle)); },
      [&] { return text_of(cublasSetWorkspace(opened->blas, opened->blas_memory, blas_bytes)); },
      [&] {
        // Sums of products of 16 bits are f32 throughout.
        return text_of(
            cublasSetMathMode(opened->blas, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
      });
  if (why == nullptr)
    *made = opened;
  else
    close_stream(opened);
  return why;
}

status open_event(context* of, event** made) {
  *made = nullptr;
  auto* opened = new (std::nothrow) event{.of = of};
  if (opened == nullptr) return "there is no memory of the host for an event";
  const status why = first_failure(
      [&] { return select(*of); },
      [&] { return text_of(cudaEventCreateWithFlags(&opened->handle, cudaEventDisableTiming)); });
  if (why == nullptr)
    *made = opened;
  else
    delete opened;
  return why;
}

status close_event(event* of) {
  const status why = first_failure([&] { return select(*of->of); },
                                   [&] { return text_of(cudaEventDestroy(of->handle)); });
  delete of;
  return why;
}

status record(stream* on, event* point) {
  return first_failure([&] { return select(*on->of); },
                       [&] { return text_of(cudaEventRecord(point->handle, on->handle)); });
}

status wait(stream* on, event* point) {
  return first_failure([&] { return select(*on->of); },
                       [&] { return text_of(cudaStreamWaitEvent(on->handle, point->handle, 0)); });
}

status is_reached(event* point, int* reached) {
  if (status why = select(*point->of)) return why;
  const auto code = cudaEventQuery(point->handle);
  *reached = code == cudaSuccess ? 1 : 0;
  return code == cudaErrorNotReady ? nullptr : text_of(code);
}

status synchronise(stream* on) {
  return first_failure([&] { return select(*on->of); },
                       [&] { return text_of(cudaStreamSynchronize(on->handle)); });
}

status allocate(stream* on, std::size_t size_bytes, void** memory) {
  *memory = on->of->allocator.allocate(on, size_bytes);
  return *memory == nullptr ? "there is not enough device memory" : nullptr;
}

status share(stream* with, void* memory) {
  return with->of->allocator.share(with, memory) ? nullptr : "memory that nobody holds is shared";
}

status release(context* of, void* memory) {
  return of->allocator.release(memory) ? nullptr : "memory that nobody holds is released";
}

status memory(context* of, memory_use* found) {
  *found = of->allocator.use();
  return nullptr;
}

status allocate_pinned(context* of, std::size_t size_bytes, void** memory) {
  return first_failure([&] { return select(*of); },
                       [&] { return text_of(cudaMallocHost(memory, size_bytes)); });
}

status release_pinned(context* of, void* memory) {
  return first_failure([&] { return select(*of); }, [&] { return text_of(cudaFreeHost(memory)); });
}

status copy(stream* on, void* to, const void* from, std::size_t size_bytes, cudaMemcpyKind kind) {
  return first_failure(
      [&] { return select(*on->of); },
      [&] { return text_of(cudaMemcpyAsync(to, from, size_bytes, kind, on->handle)); });
}

status copy_in(stream* on, void* to_device, const void* from_pinned, std::size_t size_bytes) {
  return copy(on, to_device, from_pinned, size_bytes, cudaMemcpyHostToDevice);
}

status copy_out(stream* on, void* to_pinned, const void* from_device, std::size_t size_bytes) {
  return copy(on, to_pinned, from_device, size_bytes, cudaMemcpyDeviceToHost);
}

status copy_within(stream* on, void* to, const void* from, std::size_t size_bytes) {
  return copy(on, to, from, size_bytes, cudaMemcpyDeviceToDevice);
}

status clear(stream* on, void* memory, std::size_t size_bytes) {
  return first_failure([&] { return select(*on->of); },
                       [&] { return text_of(cudaMemsetAsync(memory, 0, size_bytes, on->handle)); });
}

constexpr backend table{.version = backend_version,
                        .count_devices = count_devices,
                        .describe_device = describe_device,
                        .open = open,
                        .close = close,
                        .open_stream = open_stream,
                        .close_stream = close_stream,
                        .open_event = open_event,
                        .close_event = close_event,
                        .record = record,
                        .wait = wait,
                        .is_reached = is_reached,
                        .synchronise = synchronise,
                        .allocate = allocate,
                        .share = share,
                        .release = release,
                        .memory = memory,
                        .allocate_pinned = allocate_pinned,
                        .release_pinned = release_pinned,
                        .copy_in = copy_in,
                        .copy_out = copy_out,
                        .copy_within = copy_within,
                        .clear = clear,
                        .product = product,
                        .activate = activate,
                        .activation_slopes = activation_slopes,
                        .add_bias = add_bias,
                        .add = add,
                        .multiply = multiply,
                        .scale = scale,
                        .axpy = axpy,
                        .convert = convert,
                        .dropout = dropout,
                        .sum_rows = sum_rows,
                        .sum_squares = sum_squares,
                        .softmax = softmax,
                        .softmax_slopes = softmax_slopes,
                        .cross_entropy = cross_entropy,
                        .binary_cross_entropy = binary_cross_entropy,
                        .squared_error = squared_error,
                        .row_norm = row_norm,
                        .row_norm_slopes = row_norm_slopes,
                        .batch_norm = batch_norm,
                        .batch_norm_slopes = batch_norm_slopes,
                        .pool = pool,
                        .pool_slopes = pool_slopes,
                        .pixel_mean = pixel_mean,
                        .pixel_mean_slopes = pixel_mean_slopes,
                        .subsample = subsample,
                        .subsample_slopes = subsample_slopes,
                        .convolution = convolution,
                        .convolution_slopes = convolution_slopes,
                        .embedding = embedding,
                        .embedding_slopes = embedding_slopes,
                        .attention = attention,
                        .attention_slopes = attention_slopes};

} // namespace

} // namespace lagrange::ops::cuda

const lagrange::ops::cuda::backend* lagrange_cuda_entry_point() {
  return &lagrange::ops::cuda::table;
}
