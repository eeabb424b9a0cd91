/// \file
/// What the CUDA backend offers, as a table of C functions: the one contract between the program,
/// which is built without CUDA, and the module lagrange_cuda, which it loads when it runs. A
/// program linked with cuBLAS would not start where CUDA is missing, and 64 ms later where it is
/// not.
///
/// Every function returns null, or a sentence that says what failed and lives as long as the
/// module. Memory is named by address on the device of `index`; calls finish before they return.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct lagrange_cuda_backend {
  /// Of this table; the program refuses a module with another one.
  std::uint32_t version;

  /// Number of devices that can be used; 0 with a reason if there is none.
  const char* (*count_devices)(int* count);
  /// Writes a line as in "NVIDIA H100, sm_90, 79 GiB", cut to `text_bytes` with its final zero.
  const char* (*describe_device)(int index, char* text, std::size_t text_bytes);

  const char* (*allocate)(int index, std::size_t size_bytes, void** memory);
  const char* (*release)(int index, void* memory);
  const char* (*copy_in)(int index, void* to_device, const void* from_host, std::size_t size_bytes);
  const char* (*copy_out)(int index, void* to_host, const void* from_device,
                          std::size_t size_bytes);

  /// y = op(a) op(b), all row-major f32. Shapes: op(a) [M, K], op(b) [K, N], y [M, N]; a transposed
  /// operand (flag not 0) lies as [K, M] or [N, K].
  const char* (*product)(int index, const float* a, int a_transposed, const float* b,
                         int b_transposed, float* y, std::int64_t rows, std::int64_t inner,
                         std::int64_t columns);
  /// y += factor * x. Shapes: x [N], y [N].
  const char* (*axpy)(int index, float factor, const float* x, float* y, std::int64_t count);
};

/// The module's only entry point: lagrange_cuda_entry_point.
__attribute__((visibility("default"))) const lagrange_cuda_backend* lagrange_cuda_entry_point();
}

namespace lagrange::ops::cuda {
constexpr std::uint32_t backend_version = 1;
} // namespace lagrange::ops::cuda
