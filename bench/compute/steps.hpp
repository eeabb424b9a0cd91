/// \file
/// Our side of the comparison with PyTorch, on synthetic data of the right shapes.
#pragma once

#include "ops/half_kernels.hpp"
#include "ops/tensor.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace lagrange::bench {

/// Forward, backward and one step of the optimizer: plain SGD, or AdamW for `gpt`.
std::function<void()> training_step(const std::string& model, std::int64_t batch,
                                    ops::dtype precision = ops::dtype::f32,
                                    ops::half_products which = ops::half_products::faster);

/// Whether this CPU has products of bf16 of that kind.
bool has_half_products(ops::half_products which);
/// Forward, backward and nothing else of a linear layer of `size` inputs and outputs, on as many
/// rows.
std::function<void()> linear_step(std::int64_t size, ops::dtype precision,
                                  ops::half_products which = ops::half_products::faster);

/// A square product of f32 by the library, and by oneDNN's sgemm.
std::function<void()> our_product(std::int64_t size);
std::function<void()> bare_product(std::int64_t size);

} // namespace lagrange::bench
