/// \file
/// Linear layers and convolutions that read and write 16-bit elements as the tape stores them, by
/// the kernels of half_kernels.hpp. Inputs and weights are 16-bit numbers, those that are not
/// become so; sums, biases and the gradients of weights are of f32.
#pragma once

#include "ops/half_kernels.hpp"

namespace lagrange::ops {

/// For linear(). Returns: null where the tape is not of 16 bits, the product so small that a loop
/// in f32 is faster, or any kernel that the mode needs missing.
std::unique_ptr<operation> linear_in_half(const operation_site& at, activation after);
/// For convolution(). Returns: null as above.
std::unique_ptr<operation> convolution_in_half(const operation_site& at, const window& how,
                                               activation after);

} // namespace lagrange::ops
