/// \file
/// What the CUDA backend is asked for: the arguments of each of its operations. Plain values, so
/// that the program, which knows nothing of CUDA, can make them.
///
/// Pointers are addresses of device memory, by rows (row-major), f32 where their type is float, and
/// of elements `type` (f32, f16 or bf16) where it is void; arithmetic is f32 whatever the type. A
/// result may lie where an operand of its type and size lies, if the call says so; otherwise memory
/// does not overlap. Every element of a result is written. Parameters (bias, gamma, beta), their
/// gradients and statistics are f32.
#pragma once

#include "ops/tensor.hpp"

#include <cstdint>

namespace lagrange::ops::cuda {

enum class activation : std::uint32_t { identity, relu, gelu, silu, tanh, sigmoid };
enum class lies : std::uint32_t { plain, transposed };
enum class precision : std::uint32_t { exact, tf32 };

/// y = factor * op(a) op(b) + keep * y, `batch` times. a and b are of `type`, y of `y_type`, which
/// is the same or f32. tf32 lets f32 products round their operands to 10 bits for speed. Shapes:
/// op(a) [rows, inner], op(b) [inner, columns], y [rows, columns]; a transposed operand lies as
/// [inner, rows] or [columns, inner].
struct product_call {
  /// Where a matrix lies. Units: elements from row to row as stored (0: rows are neighbours), and
  /// from one matrix of the batch to the next.
  struct operand {
    const void* at;
    lies how = lies::plain;
    std::int64_t leading = 0;
    std::int64_t stride = 0;
  };
  dtype type, y_type;
  std::int64_t rows, inner, columns;
  operand a, b;
  void* y;
  std::int64_t y_leading = 0;
  std::int64_t y_stride = 0;
  std::int64_t batch = 1;
  float factor = 1;
  float keep = 0;
  precision f32 = precision::exact;
};

/// y = f(x) [count]. y may be x. GELU is that of tanh.
struct activation_call {
  activation f;
  dtype type;
  std::int64_t count;
  const void* x;
  void* y;
};

/// d_x = d_y * f'(x) [count]. `saved` is y = f(x), but x for GELU and SiLU. d_x may be d_y.
struct activation_slopes_call {
  activation f;
  dtype type;
  std::int64_t count;
  const void* saved;
  const void* d_y;
  void* d_x;
};

/// before = x + bias, y = f(before). Shapes: x, before, y [rows, columns], bias [columns]. bias and
/// `before` may be null; `before` and y may be x.
struct bias_call {
  activation f;
  dtype type;
  std::int64_t rows, columns;
  const void* x;
  const float* bias;
  void* before;
  void* y;
};

/// y = a + b [count]. y may be a or b.
struct sum_call {
  dtype type;
  std::int64_t count;
  const void* a;
  const void* b;
  void* y;
};

/// y = a * b [count]. y may be a or b.
struct multiply_call {
  dtype type;
  std::int64_t count;
  const void* a;
  const void* b;
  void* y;
};

/// scale: y = factor * x, y may be x. axpy: y += factor * x. [count]
struct factor_call {
  dtype type;
  std::int64_t count;
  float factor;
  const void* x;
  void* y;
};

/// y = x [count], rounded to the nearest, ties to even.
struct conversion_call {
  dtype x_type, y_type;
  std::int64_t count;
  const void* x;
  void* y;
};

/// y = x / (1 - rate) [count] where element i is kept, else 0; kept is what has
/// random_sequence(seed, stream).unit(first + i) >= rate. Backward it is the same call. y may be x.
struct dropout_call {
  dtype type;
  std::int64_t count;
  float rate;
  std::uint64_t seed, stream, first;
  const void* x;
  void* y;
};

/// sums [columns] = the sum of the rows of x [rows, columns]: the gradient of a bias.
struct row_sum_call {
  dtype type;
  std::int64_t rows, columns;
  const void* x;
  float* sums;
};

/// sum [1] = the sum of the squares of x [count].
struct square_sum_call {
  dtype type;
  std::int64_t count;
  const void* x;
  float* sum;
};

} // namespace lagrange::ops::cuda
