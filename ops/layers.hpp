/// \file
/// The layers there are. Every maker takes the shape of one sample as it comes in, and throws
/// std::invalid_argument, saying what would fit, if the layer cannot take it.
#pragma once

#include "ops/layer.hpp"

namespace lagrange::ops {

/// y = f(x w + b). Samples of any shape are read as one row of I numbers: flattening costs nothing.
/// Parameters start uniform in +-1/sqrt(I).
/// Shapes: x [B, I], w [I, O], b [O] -> y [B, O].
std::unique_ptr<layer> linear(const shape& sample, std::int64_t outputs,
                              activation after = activation::none);

struct convolution_options {
  std::int64_t outputs = 0; ///< channels of the result
  std::int64_t kernel = 1;  ///< side of the square window
  std::int64_t stride = 1;
  std::int64_t padding = 0; ///< zeros added on each side
  activation after = activation::none;
};

/// y[b,h,w,o] = f(b[o] + sum over r,s,c of x[b, h*stride+r-padding, w*stride+s-padding, c]
/// w[r,s,c,o]). Parameters start uniform in +-1/sqrt(kernel * kernel * C). Shapes: x [B, H, W, C],
/// w [kernel, kernel, C, O], b [O] -> y [B, H', W', O], H' = (H + 2 padding - kernel) / stride + 1.
std::unique_ptr<layer> convolution(const shape& sample, const convolution_options& options);

struct max_pool_options {
  std::int64_t window = 2; ///< side of the square window
  std::int64_t stride = 2;
};

/// y[b,h,w,c] = max over the window of x[b, h*stride+r, w*stride+s, c]; the first of equals gets
/// the gradient. What does not fill a window is left out. Shapes: x [B, H, W, C] -> y [B, H', W',
/// C], H' = (H - window) / stride + 1.
std::unique_ptr<layer> max_pool(const shape& sample, const max_pool_options& options = {});

/// y = max(x, 0). Prefer activation::relu on the layer before, which saves a pass over memory.
std::unique_ptr<layer> relu(const shape& sample);

} // namespace lagrange::ops
