/// \file
/// More of what the CUDA backend is asked for: what is done to images. What calls.hpp says of
/// pointers holds here.
#pragma once

#include "ops/cuda/calls.hpp"

namespace lagrange::ops::cuda {

enum class pooling : std::uint32_t { largest, average };
enum class phase : std::uint32_t { training, evaluation };

/// y = (x - mean) * scale * gamma + beta of each channel [channels] of x [rows, channels], where
/// images [B, H, W, C] have B * H * W rows. Training takes mean and variance of x, and moves the
/// running ones to them by `momentum` (the variance as an unbiased one); evaluation takes the
/// running ones. mean and scale [channels] are what the backward pass of training needs. y may be
/// x.
struct batch_norm_call {
  phase when;
  dtype type;
  std::int64_t rows, channels;
  float epsilon, momentum;
  const void* x;
  const float* gamma;
  const float* beta;
  float* running_mean;
  float* running_variance;
  float* mean;
  float* scale;
  void* y;
};

/// The gradients of the call above, in training. d_x may be d_y.
struct batch_norm_slopes_call {
  dtype type;
  std::int64_t rows, channels;
  const void* x;
  const float* gamma;
  const float* mean;
  const float* scale;
  const void* d_y;
  void* d_x;
  float* d_gamma;
  float* d_beta;
};

/// Square windows over images [batch, height, width, channels]. Padding is less than the kernel.
struct window_shape {
  int batch, height, width, channels;
  int kernel, stride, padding;
  constexpr int out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  constexpr int out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
  constexpr std::int64_t pixels() const { return std::int64_t{1} * batch * height * width; }
  constexpr std::int64_t windows() const {
    return std::int64_t{1} * batch * out_height() * out_width();
  }
};

/// y [windows, C] = the largest of each window (a NaN is larger than any number, the first of
/// equals is taken), or the mean of what lies in the image. `chosen` [windows, C] says which pixel
/// of its image was the largest; it may be null, and is not written for a mean.
struct pool_call {
  pooling how;
  dtype type;
  window_shape at;
  const void* x;
  void* y;
  std::int32_t* chosen;
};

/// d_x [B, H, W, C] of the call above.
struct pool_slopes_call {
  pooling how;
  dtype type;
  window_shape at;
  const void* d_y;
  const std::int32_t* chosen;
  void* d_x;
};

/// Forward: to [B, C] = the mean of from [B, pixels, C] over the pixels. Backward: to [B, pixels,
/// C] = from [B, C] / pixels.
struct pixel_mean_call {
  dtype type;
  std::int64_t batch, pixels, channels;
  const void* from;
  void* to;
};

/// How many pixels and channels a shortcut takes, and gives.
struct subsample_shape {
  int batch, height, width, channels;
  int stride, outputs; ///< outputs - channels is even
  constexpr int out_height() const { return (height + stride - 1) / stride; }
  constexpr int out_width() const { return (width + stride - 1) / stride; }
  constexpr std::int64_t pixels() const { return std::int64_t{1} * batch * height * width; }
  constexpr std::int64_t kept() const {
    return std::int64_t{1} * batch * out_height() * out_width();
  }
};

/// Forward: to [kept, outputs] = every stride-th pixel of from [B, H, W, C], and 0 in the channels
/// that are new, half of them before and half behind. Backward: to [B, H, W, C] is what from [kept,
/// outputs] has for it, 0 where a pixel was left out.
struct subsample_call {
  dtype type;
  subsample_shape at;
  const void* from;
  void* to;
};

/// y = f(convolution of x with w, plus bias). Each of `groups` groups of channels is convolved for
/// itself. Shapes: x [B, H, W, C], w [kernel, kernel, C / groups, outputs], bias [outputs] f32 or
/// null -> y [windows, outputs]. `before`, unless null, keeps what f was applied to.
/// Cost: patches of windows * kernel^2 * C elements are kept while it runs.
struct convolution_call {
  dtype type;
  window_shape at;
  int groups, outputs;
  const void* x;
  const void* w;
  const float* bias;
  activation f;
  void* before;
  void* y;
  precision f32 = precision::exact;
};

/// The gradients of a convolution from d_y [windows, outputs], which is that before f. d_w and
/// d_bias are f32; each may be null, and d_x, too.
struct convolution_slopes_call {
  dtype type;
  window_shape at;
  int groups, outputs;
  const void* x;
  const void* w;
  const void* d_y;
  void* d_x;
  float* d_w;
  float* d_bias;
  precision f32 = precision::exact;
};

} // namespace lagrange::ops::cuda
