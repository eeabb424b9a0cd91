/// \file
/// Windows over images [B, H, W, C]: pooling, the patches that make a convolution a product, and
/// their gradients. Gradients are gathered: whoever owns a pixel adds what all windows that cover
/// it have for it, in a fixed order.
///
/// Grids: threads (channels, pixels), one-dimensional blocks of pixels.
#pragma once

#include "ops/cuda/image_calls.hpp"
#include "ops/cuda/kernels/threads.cuh"
#include "ops/cuda/storage.hpp"

namespace lagrange::ops::cuda {

/// The first pixel of this thread and how far apart its pixels are.
__device__ inline std::int64_t first_pixel() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
}
__device__ inline std::int64_t pixel_step() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.y;
}

/// A pixel by its place. Images have less than 2^31 pixels, so that 32 bits divide fast.
struct place {
  int image, row, column;
  __device__ place(std::int64_t pixel, int height, int width) {
    const auto rest = static_cast<unsigned>(pixel) / static_cast<unsigned>(width);
    column = static_cast<int>(static_cast<unsigned>(pixel) % static_cast<unsigned>(width));
    row = static_cast<int>(rest % static_cast<unsigned>(height));
    image = static_cast<int>(rest / static_cast<unsigned>(height));
  }
};

/// Along one axis: the pixels [first, last) of a window, or the windows of a pixel.
struct range {
  int first, last;
};

__device__ inline range pixels_of(int window, int extent, const window_shape& at) {
  const int first = window * at.stride - at.padding;
  const int last = first + at.kernel;
  return {first > 0 ? first : 0, last < extent ? last : extent};
}

__device__ inline range windows_of(int pixel, int windows, const window_shape& at) {
  const int shifted = pixel + at.padding;
  const int first = shifted < at.kernel ? 0 : (shifted - at.kernel) / at.stride + 1;
  const int last = shifted / at.stride + 1;
  return {first, last < windows ? last : windows};
}

__device__ inline std::int64_t element(const place& of, int row, int column, int height, int width,
                                       int channels) {
  return ((static_cast<std::int64_t>(of.image) * height + row) * width + column) * channels;
}

/// y = the largest of each window, the first of equals; `chosen`, unless null, says which pixel of
/// the image that is.
template <class T>
__global__ void max_pool(window_shape at, const T* x, T* y, std::int32_t* chosen) {
  for (std::int64_t pixel = first_pixel(); pixel < at.windows(); pixel += pixel_step()) {
    const place out(pixel, at.out_height(), at.out_width());
    const range rows = pixels_of(out.row, at.height, at);
    const range columns = pixels_of(out.column, at.width, at);
    for (int c = static_cast<int>(threadIdx.x); c < at.channels; c += blockDim.x) {
      float best = -INFINITY;
      int best_pixel = rows.first * at.width + columns.first;
      for (int row = rows.first; row < rows.last; ++row)
        for (int column = columns.first; column < columns.last; ++column) {
          const float value =
              to_float(x[element(out, row, column, at.height, at.width, at.channels) + c]);
          if (!(value > best) && value == value) continue; // a NaN is the largest
          best = value;
          best_pixel = row * at.width + column;
        }
      y[pixel * at.channels + c] = rounded<T>(best);
      if (chosen != nullptr) chosen[pixel * at.channels + c] = best_pixel;
    }
  }
}

/// y = the mean of the pixels of each window that lie in the image.
template <class T>
__global__ void average_pool(window_shape at, const T* x, T* y) {
  for (std::int64_t pixel = first_pixel(); pixel < at.windows(); pixel += pixel_step()) {
    const place out(pixel, at.out_height(), at.out_width());
    const range rows = pixels_of(out.row, at.height, at);
    const range columns = pixels_of(out.column, at.width, at);
    const auto count =
        static_cast<float>((rows.last - rows.first) * (columns.last - columns.first));
    for (int c = static_cast<int>(threadIdx.x); c < at.channels; c += blockDim.x) {
      float all = 0;
      for (int row = rows.first; row < rows.last; ++row)
        for (int column = columns.first; column < columns.last; ++column)
          all += to_float(x[element(out, row, column, at.height, at.width, at.channels) + c]);
      y[pixel * at.channels + c] = rounded<T>(all / count);
    }
  }
}

/// What window (row, column) of a max pool gives to a pixel.
template <class T>
struct max_pool_share {
  const T* d_y;
  const std::int32_t* chosen;
  __device__ float operator()(std::int64_t at_window, int pixel, int, int,
                              const window_shape&) const {
    return chosen[at_window] == pixel ? to_float(d_y[at_window]) : 0.0F;
  }
};

/// The same of an average pool.
template <class T>
struct average_pool_share {
  const T* d_y;
  __device__ float operator()(std::int64_t at_window, int, int row, int column,
                              const window_shape& at) const {
    const range rows = pixels_of(row, at.height, at);
    const range columns = pixels_of(column, at.width, at);
    return to_float(d_y[at_window]) /
           static_cast<float>((rows.last - rows.first) * (columns.last - columns.first));
  }
};

/// d_x = the sum of what each window that covers a pixel gives to it.
template <class Share, class T>
__global__ void window_slopes(window_shape at, Share share, T* d_x) {
  for (std::int64_t pixel = first_pixel(); pixel < at.pixels(); pixel += pixel_step()) {
    const place in(pixel, at.height, at.width);
    const range rows = windows_of(in.row, at.out_height(), at);
    const range columns = windows_of(in.column, at.out_width(), at);
    for (int c = static_cast<int>(threadIdx.x); c < at.channels; c += blockDim.x) {
      float all = 0;
      for (int row = rows.first; row < rows.last; ++row)
        for (int column = columns.first; column < columns.last; ++column)
          all += share(element(in, row, column, at.out_height(), at.out_width(), at.channels) + c,
                       in.row * at.width + in.column, row, column, at);
      d_x[pixel * at.channels + c] = rounded<T>(all);
    }
  }
}

/// y [B, C] = the mean of x [B, P, C] over the pixels P. Grid: one-dimensional.
template <class T>
__global__ void mean_of_pixels(std::int64_t batch, std::int64_t pixels, std::int64_t channels,
                               const T* x, T* y) {
  for (std::int64_t i = first_index(); i < batch * channels; i += index_step()) {
    const T* from = x + i / channels * pixels * channels + i % channels;
    float all = 0;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) all += to_float(from[pixel * channels]);
    y[i] = rounded<T>(all / static_cast<float>(pixels));
  }
}

/// d_x [B, P, C] = d_y [B, C] / P.
template <class T>
__global__ void mean_of_pixels_slopes(std::int64_t batch, std::int64_t pixels,
                                      std::int64_t channels, const T* d_y, T* d_x) {
  for (std::int64_t pixel = first_pixel(); pixel < batch * pixels; pixel += pixel_step())
    for (std::int64_t c = threadIdx.x; c < channels; c += blockDim.x)
      d_x[pixel * channels + c] =
          rounded<T>(to_float(d_y[pixel / pixels * channels + c]) / static_cast<float>(pixels));
}

/// y = every stride-th pixel of x, its channels in the middle of new ones that are 0.
template <class T>
__global__ void take_pixels(subsample_shape at, const T* x, T* y) {
  const int before = (at.outputs - at.channels) / 2;
  for (std::int64_t pixel = first_pixel(); pixel < at.kept(); pixel += pixel_step()) {
    const place out(pixel, at.out_height(), at.out_width());
    const T* from = x + element(out, out.row * at.stride, out.column * at.stride, at.height,
                                at.width, at.channels);
    for (int c = static_cast<int>(threadIdx.x); c < at.outputs; c += blockDim.x) {
      const bool is_old = c >= before && c < before + at.channels;
      y[pixel * at.outputs + c] = is_old ? from[c - before] : rounded<T>(0);
    }
  }
}

/// x = what y has for each pixel.
template <class T>
__global__ void put_pixels(subsample_shape at, const T* y, T* x) {
  const int before = (at.outputs - at.channels) / 2;
  for (std::int64_t pixel = first_pixel(); pixel < at.pixels(); pixel += pixel_step()) {
    const place in(pixel, at.height, at.width);
    const bool is_kept = in.row % at.stride == 0 && in.column % at.stride == 0;
    const T* from = y + element(in, in.row / at.stride, in.column / at.stride, at.out_height(),
                                at.out_width(), at.outputs);
    for (int c = static_cast<int>(threadIdx.x); c < at.channels; c += blockDim.x)
      x[pixel * at.channels + c] = is_kept ? from[before + c] : rounded<T>(0);
  }
}

/// patches [windows, groups, kernel * kernel * C / groups]: what each window sees, 0 outside of the
/// image; inside a group in the order of convolution weights, [kernel, kernel, C / groups].
template <class T>
__global__ void take_patches(window_shape at, int groups, const T* x, T* patches) {
  const int width = at.channels / groups;
  const int patch = at.kernel * at.kernel * width;
  for (std::int64_t pixel = first_pixel(); pixel < at.windows(); pixel += pixel_step()) {
    const place out(pixel, at.out_height(), at.out_width());
    for (int i = static_cast<int>(threadIdx.x); i < patch * groups; i += blockDim.x) {
      const int tap = i % patch / width;
      const int row = out.row * at.stride - at.padding + tap / at.kernel;
      const int column = out.column * at.stride - at.padding + tap % at.kernel;
      const bool is_inside = row >= 0 && row < at.height && column >= 0 && column < at.width;
      const int c = i / patch * width + i % width;
      patches[pixel * patch * groups + i] =
          is_inside ? x[element(out, row, column, at.height, at.width, at.channels) + c]
                    : rounded<T>(0);
    }
  }
}

/// x = for each pixel the sum of its copies in all patches.
template <class T>
__global__ void add_patches(window_shape at, int groups, const T* patches, T* x) {
  const int width = at.channels / groups;
  const int patch = at.kernel * at.kernel * width;
  for (std::int64_t pixel = first_pixel(); pixel < at.pixels(); pixel += pixel_step()) {
    const place in(pixel, at.height, at.width);
    const range rows = windows_of(in.row, at.out_height(), at);
    const range columns = windows_of(in.column, at.out_width(), at);
    for (int c = static_cast<int>(threadIdx.x); c < at.channels; c += blockDim.x) {
      float all = 0;
      for (int row = rows.first; row < rows.last; ++row)
        for (int column = columns.first; column < columns.last; ++column) {
          const int tap = (in.row + at.padding - row * at.stride) * at.kernel + in.column +
                          at.padding - column * at.stride;
          all += to_float(
              patches[element(in, row, column, at.out_height(), at.out_width(), patch * groups) +
                      c / width * patch + tap * width + c % width]);
        }
      x[pixel * at.channels + c] = rounded<T>(all);
    }
  }
}

} // namespace lagrange::ops::cuda
