/// \file
/// What CUDA kernels do to each element, and how a row-major product is put to cuBLAS. Plain C++,
/// so that machines without a GPU compile and test the same lines that the device runs.
#pragma once

#include <cstdint>

namespace lagrange::ops::cuda {

/// y + factor * x.
struct axpy_body {
  float factor;
  constexpr float operator()(float x, float y) const { return y + factor * x; }
};

/// Arguments of a column-major gemm, C [m, n] = op(A) [m, k] op(B) [k, n], as BLAS takes them.
struct column_major_product {
  bool a_transposed, b_transposed;
  std::int64_t m, n, k;
  const float* a;
  std::int64_t a_leading;
  const float* b;
  std::int64_t b_leading;
  float* c;
  std::int64_t c_leading;
};

/// The row-major y [rows, columns] = op(a) op(b), said to a column-major gemm: read by columns the
/// same memory is y transposed, and y^T = op(b)^T op(a)^T, so the operands change places and keep
/// their transpositions.
constexpr column_major_product column_major(const float* a, bool a_transposed, const float* b,
                                            bool b_transposed, float* y, std::int64_t rows,
                                            std::int64_t inner, std::int64_t columns) {
  return {.a_transposed = b_transposed,
          .b_transposed = a_transposed,
          .m = columns,
          .n = rows,
          .k = inner,
          .a = b,
          .a_leading = b_transposed ? inner : columns,
          .b = a,
          .b_leading = a_transposed ? rows : inner,
          .c = y,
          .c_leading = columns};
}

} // namespace lagrange::ops::cuda
