/// \file
/// Batch normalisation of channels, which are the columns of images [B, H, W, C], and its gradient.
/// Means and variances are column sums (sums.cuh), the variance in a pass of its own, about the
/// mean.
///
/// Paper: Ioffe, Szegedy: Batch Normalization (ICML 2015).
#pragma once

#include "ops/cuda/kernels/threads.cuh"
#include "ops/cuda/storage.hpp"

namespace lagrange::ops::cuda {

/// Squares about the mean of the channel.
template <class T>
struct variance_column {
  const T* x;
  const float* mean;
  std::int64_t channels;
  __device__ void operator()(std::int64_t row, std::int64_t channel, float (&sums)[1]) const {
    const float apart = to_float(x[row * channels + channel]) - mean[channel];
    sums[0] += apart * apart;
  }
};

/// mean = total / rows.
struct store_mean {
  float rows;
  float* mean;
  __device__ void operator()(std::int64_t channel, const float (&totals)[1]) const {
    mean[channel] = totals[0] / rows;
  }
};

/// The scale of a channel from its squares, and a step of the running statistics, whose variance is
/// the unbiased one.
struct store_variance {
  float rows, epsilon, momentum;
  const float* mean;
  float* scale;
  float* running_mean;
  float* running_variance;
  __device__ void operator()(std::int64_t channel, const float (&totals)[1]) const {
    scale[channel] = 1 / sqrtf(totals[0] / rows + epsilon);
    const float unbiased = totals[0] / (rows > 1 ? rows - 1 : 1.0F);
    running_mean[channel] += momentum * (mean[channel] - running_mean[channel]);
    running_variance[channel] += momentum * (unbiased - running_variance[channel]);
  }
};

/// What evaluation normalises by; late steps may have moved a variance below 0. Grid:
/// one-dimensional.
__global__ inline void take_running(std::int64_t channels, float epsilon, const float* running_mean,
                                    const float* running_variance, float* mean, float* scale) {
  for (std::int64_t channel = first_index(); channel < channels; channel += index_step()) {
    mean[channel] = running_mean[channel];
    scale[channel] = 1 / sqrtf(fmaxf(running_variance[channel], 0.0F) + epsilon);
  }
}

/// A channel as it is normalised.
struct channel_norm {
  const float* gamma;
  const float* mean;
  const float* scale;
};

/// y = (x - mean) * scale * gamma + beta. Grid: threads (channels, rows), blocks (channels, rows).
template <class T>
__global__ void normalise_channels(std::int64_t rows, std::int64_t channels, channel_norm by,
                                   const float* beta, const T* x, T* y) {
  const std::int64_t channel = first_index();
  if (channel >= channels) return;
  const float factor = by.scale[channel] * by.gamma[channel];
  const float mean = by.mean[channel];
  const float shift = beta[channel];
  const std::int64_t step = static_cast<std::int64_t>(gridDim.y) * blockDim.y;
  for (std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
       row < rows; row += step) {
    const std::int64_t i = row * channels + channel;
    y[i] = rounded<T>((to_float(x[i]) - mean) * factor + shift);
  }
}

/// The gradients of gamma and beta: d_y * normalised x, and d_y.
template <class T>
struct channel_norm_column {
  std::int64_t channels;
  const T* x;
  const T* d_y;
  channel_norm by;
  __device__ void operator()(std::int64_t row, std::int64_t channel, float (&sums)[2]) const {
    const std::int64_t i = row * channels + channel;
    const float slope = to_float(d_y[i]);
    sums[0] += slope * (to_float(x[i]) - by.mean[channel]) * by.scale[channel];
    sums[1] += slope;
  }
};

/// d_x = scale * gamma * (d_y - d_beta / rows - normalised x * d_gamma / rows); d_x may be d_y.
/// Grid: threads (channels, rows), blocks (channels, rows).
template <class T>
__global__ void channel_norm_slopes(std::int64_t rows, std::int64_t channels, channel_norm by,
                                    const float* d_gamma, const float* d_beta, const T* x,
                                    const T* d_y, T* d_x) {
  const std::int64_t channel = first_index();
  if (channel >= channels) return;
  const float scale = by.scale[channel];
  const float mean = by.mean[channel];
  const float mean_slope = d_beta[channel] / static_cast<float>(rows);
  const float mean_product = d_gamma[channel] / static_cast<float>(rows);
  const float gamma = by.gamma[channel];
  const std::int64_t step = static_cast<std::int64_t>(gridDim.y) * blockDim.y;
  for (std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
       row < rows; row += step) {
    const std::int64_t i = row * channels + channel;
    const float normalised = (to_float(x[i]) - mean) * scale;
    d_x[i] =
        rounded<T>(scale * gamma * (to_float(d_y[i]) - mean_slope - normalised * mean_product));
  }
}

} // namespace lagrange::ops::cuda
