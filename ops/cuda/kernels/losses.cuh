/// \file
/// Losses and their gradients, in one pass each where memory allows it.
#pragma once

#include "ops/cuda/kernels/threads.cuh"
#include "ops/cuda/storage.hpp"

#include <climits>

namespace lagrange::ops::cuda {

template <class T>
struct cross_entropy_rows {
  std::int64_t rows, classes;
  float smoothing, factor;
  const T* logits;
  const std::int32_t* labels;
  T* d_logits;    ///< or null
  float* losses;  ///< [rows]
  float* correct; ///< [rows], 1 where the label has the first of the largest logits
};

/// Of softmax and smoothed labels; d_logits may be the logits. A label that is no class makes the
/// row's results NaN, so that it is seen and nothing outside of the row is read. Grid:
/// one-dimensional; a block a row.
template <class T>
__global__ void __launch_bounds__(row_threads_max) cross_entropy(cross_entropy_rows<T> of) {
  for (std::int64_t row = blockIdx.x; row < of.rows; row += gridDim.x) {
    const T* x = of.logits + row * of.classes;
    const std::int64_t label = of.labels[row];
    const bool is_class = label >= 0 && label < of.classes;
    float highest = -INFINITY;
    for (std::int64_t i = threadIdx.x; i < of.classes; i += blockDim.x)
      highest = larger{}(highest, to_float(x[i]));
    highest = block_max(highest);
    // Read before anybody writes, because d_logits may lie where the logits do.
    const float at_label = is_class ? to_float(x[label]) - highest : NAN;
    float exponentials = 0;
    float distances = 0; // of the logits from the highest
    int best = INT_MAX;
    for (std::int64_t i = threadIdx.x; i < of.classes; i += blockDim.x) {
      const float distance = to_float(x[i]) - highest;
      exponentials += expf(distance);
      distances += distance;
      if (distance == 0 && best == INT_MAX) best = static_cast<int>(i);
    }
    exponentials = block_sum(exponentials);
    distances = block_sum(distances);
    best = block_min(best);
    const float even = of.smoothing / static_cast<float>(of.classes);
    if (threadIdx.x == 0) {
      of.losses[row] =
          logf(exponentials) - (1 - of.smoothing) * at_label - (even > 0 ? even * distances : 0);
      of.correct[row] = best == label ? 1.0F : 0.0F;
    }
    if (of.d_logits == nullptr) continue;
    const float share = is_class ? of.factor / exponentials : NAN;
    for (std::int64_t i = threadIdx.x; i < of.classes; i += blockDim.x) {
      const float wanted = even + (i == label ? 1 - of.smoothing : 0.0F);
      of.d_logits[row * of.classes + i] =
          rounded<T>(expf(to_float(x[i]) - highest) * share - of.factor * wanted);
    }
  }
}

/// The loss of element i; writes factor times its slope unless d_x is null. d_x may be x.
template <class T>
struct binary_cross_entropy_body {
  float factor;
  const T* x;
  const float* target;
  T* d_x;
  __device__ float operator()(std::int64_t i) const {
    const float logit = to_float(x[i]);
    const float t = target[i];
    const float e = expf(-fabsf(logit)); // of the two exponentials the one that cannot overflow
    if (d_x != nullptr) d_x[i] = rounded<T>(factor * ((logit >= 0 ? 1 : e) / (1 + e) - t));
    return (logit > 0 ? logit : 0.0F) - logit * t + log1pf(e);
  }
};

/// As above, of (x - target)^2.
template <class T>
struct squared_error_body {
  float factor;
  const T* x;
  const float* target;
  T* d_x;
  __device__ float operator()(std::int64_t i) const {
    const float apart = to_float(x[i]) - target[i];
    if (d_x != nullptr) d_x[i] = rounded<T>(2 * factor * apart);
    return apart * apart;
  }
};

} // namespace lagrange::ops::cuda
