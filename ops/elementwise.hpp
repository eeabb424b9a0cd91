/// \file
/// Passes over long rows of numbers that layers and losses share, each reading and writing memory
/// once. Compiled for several instruction sets (vectorised.hpp), which all give the same bits,
/// because none changes the order of a sum.
#pragma once

#include "ops/tensor.hpp"

#include <span>

namespace lagrange::ops {

/// y = max(x, 0); a NaN stays one.
void relu_forward(std::span<const float> x, std::span<float> y);

/// d[i] = y[i] > 0 ? d[i] : 0.
void relu_backward(std::span<const float> y, std::span<float> d);

/// y += x.
void add_to(std::span<const float> x, std::span<float> y);

/// sums[c] = sum over the rows of x [rows, columns], rows in order; columns = sums.size().
void sum_rows(std::span<const float> x, std::span<float> sums);

// The same of f16 or bf16, by their codes, with sums in f32.

/// Shapes: y, d [count].
void relu_backward(dtype type, const void* y, void* d, std::size_t count);
/// Shapes: x [rows, columns], sums [columns].
void sum_rows(dtype type, const void* x, std::int64_t rows, std::span<float> sums);

} // namespace lagrange::ops
