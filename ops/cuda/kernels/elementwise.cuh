/// \file
/// Kernels that make each element of y from the same element of one or more x, in one pass over
/// memory. y may be one of the x.
#pragma once

#include "ops/cuda/calls.hpp"
#include "ops/cuda/kernels/threads.cuh"
#include "ops/cuda/storage.hpp"
#include "ops/random.hpp"

namespace lagrange::ops::cuda {

/// f(x).
__device__ inline float activated(activation f, float x) {
  switch (f) {
  case activation::identity:
    return x;
  case activation::relu:
    return x < 0 ? 0.0F : x;
  case activation::gelu:
    return 0.5F * x * (1 + tanhf(0.79788456F * (x + 0.044715F * x * x * x)));
  case activation::silu:
    return x / (1 + expf(-x));
  case activation::tanh:
    return tanhf(x);
  case activation::sigmoid:
    return 1 / (1 + expf(-x));
  }
  return x;
}

/// f'(x), from y = f(x) where that is enough and from x for GELU and SiLU.
__device__ inline float activation_slope(activation f, float saved) {
  switch (f) {
  case activation::identity:
    return 1;
  case activation::relu:
    return saved > 0 ? 1.0F : 0.0F;
  case activation::gelu: {
    const float x = saved;
    const float t = tanhf(0.79788456F * (x + 0.044715F * x * x * x));
    return 0.5F * (1 + t) + 0.5F * x * (1 - t * t) * 0.79788456F * (1 + 0.134145F * x * x);
  }
  case activation::silu: {
    const float s = 1 / (1 + expf(-saved));
    return s * (1 + saved * (1 - s));
  }
  case activation::tanh:
    return 1 - saved * saved;
  case activation::sigmoid:
    return saved * (1 - saved);
  }
  return 1;
}

// What is done to element `index`, all in f32.

struct activation_body {
  activation f;
  __device__ float operator()(std::int64_t, float x) const { return activated(f, x); }
};

/// A gradient of 0 stays 0 where the slope is none: relu of a NaN, for one.
struct activation_slope_body {
  activation f;
  __device__ float operator()(std::int64_t, float saved, float d_y) const {
    if (f == activation::relu) return saved > 0 ? d_y : 0.0F;
    return d_y * activation_slope(f, saved);
  }
};

struct sum_body {
  __device__ float operator()(std::int64_t, float a, float b) const { return a + b; }
};

struct product_body {
  __device__ float operator()(std::int64_t, float a, float b) const { return a * b; }
};

struct scale_body {
  float factor;
  __device__ float operator()(std::int64_t, float x) const { return factor * x; }
};

struct axpy_body {
  float factor;
  __device__ float operator()(std::int64_t, float x, float y) const { return y + factor * x; }
};

struct copy_body {
  __device__ float operator()(std::int64_t, float x) const { return x; }
};

/// Element i is kept where number first + i of the sequence is not below `rate`.
struct dropout_body {
  random_sequence drawn;
  std::uint64_t first;
  float rate, factor;
  __device__ float operator()(std::int64_t index, float x) const {
    return drawn.unit(first + static_cast<std::uint64_t>(index)) < rate ? 0.0F : factor * x;
  }
};

/// `width` neighbours, read or written at once.
template <class T, int width>
struct alignas(sizeof(T) * width) pack {
  T at[width];
};

template <int width, class T>
__device__ const pack<T, width>& pack_at(const T* first) {
  return *reinterpret_cast<const pack<T, width>*>(first);
}

/// y = body of `width` neighbours, of which the first is element `index`.
template <int width, class Body, class Y, class... X>
__device__ void map_pack(Body body, std::int64_t index, Y* y, const pack<X, width>&... x) {
  pack<Y, width> made;
  for (int i = 0; i < width; ++i) made.at[i] = rounded<Y>(body(index + i, to_float(x.at[i])...));
  *reinterpret_cast<pack<Y, width>*>(y) = made;
}

/// y[i] = body(i, x[i]...). Grid: one-dimensional, of any size.
/// Requires: all are aligned to `width` elements.
template <int width, class Body, class Y, class... X>
__global__ void map_each(Body body, std::int64_t count, Y* y, const X*... x) {
  const std::int64_t packs = count / width;
  for (std::int64_t i = first_index(); i < packs; i += index_step())
    map_pack<width>(body, i * width, y + i * width, pack_at<width>(x + i * width)...);
  for (std::int64_t i = packs * width + first_index(); i < count; i += index_step())
    y[i] = rounded<Y>(body(i, to_float(x[i])...));
}

/// before = x + bias, y = f(before), where `before` is not null.
/// Shapes: x [rows, columns], bias [columns]. Grid: threads (columns, rows), blocks (columns,
/// rows).
template <class T>
__global__ void add_bias(activation f, std::int64_t rows, std::int64_t columns, const T* x,
                         const float* bias, T* before, T* y) {
  const std::int64_t column = first_index();
  if (column >= columns) return;
  const float b = bias == nullptr ? 0.0F : bias[column];
  const std::int64_t step = static_cast<std::int64_t>(gridDim.y) * blockDim.y;
  for (std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
       row < rows; row += step) {
    const T shifted = rounded<T>(to_float(x[row * columns + column]) + b);
    if (before != nullptr) before[row * columns + column] = shifted;
    y[row * columns + column] = rounded<T>(activated(f, to_float(shifted)));
  }
}

} // namespace lagrange::ops::cuda
