/// \file
/// More of what the CUDA backend is asked for: what is done to each row for itself (softmax,
/// losses, normalisations), and to rows of tokens (embeddings, attention). What calls.hpp says of
/// pointers holds here.
#pragma once

#include "ops/cuda/calls.hpp"

namespace lagrange::ops::cuda {

enum class mask : std::uint32_t { none, causal };

/// y = softmax(scale * x) of each row [rows, columns]. Under a causal mask row r sees the columns 0
/// to r % columns, the others are 0. y may be x.
struct softmax_call {
  dtype type;
  std::int64_t rows, columns;
  float scale;
  mask hidden;
  const void* x;
  void* y;
};

/// d_x = scale * y * (d_y - sum of d_y * y), of the softmax above. d_x may be d_y.
struct softmax_slopes_call {
  dtype type;
  std::int64_t rows, columns;
  float scale;
  mask hidden;
  const void* y;
  const void* d_y;
  void* d_x;
};

/// loss [1] = factor times the sum over the rows of the cross-entropy of softmax(logits) [rows,
/// classes] with labels [rows], smoothed: the label has 1 - smoothing, and all classes share the
/// rest. A label that is no class makes the loss and its row's gradient NaN. `correct` [1] counts
/// rows whose label has the first of the largest logits; it and d_logits may be null; d_logits may
/// be the logits. Paper: Szegedy et al.: Rethinking the Inception Architecture (CVPR 2016).
struct cross_entropy_call {
  dtype type;
  std::int64_t rows, classes;
  float smoothing, factor;
  const void* logits;
  const std::int32_t* labels;
  float* loss;
  float* correct;
  void* d_logits;
};

/// loss [1] = factor times the sum over x [count] of the binary cross-entropy of sigmoid(x) with
/// target, or of (x - target)^2. d_x may be null, and may be x.
struct pointwise_loss_call {
  dtype type;
  std::int64_t count;
  float factor;
  const void* x;
  const float* target;
  float* loss;
  void* d_x;
};

/// Units: `epsilon` is added to the variance, or the mean square.
struct row_norm_shape {
  std::int64_t rows, columns;
  float epsilon;
};
struct row_parameters {
  const float* gamma; ///< [columns]
  const float* beta;  ///< [columns], or null: 0
};

/// y = (x - mean) * scale * gamma + beta of each row, with scale = 1 / sqrt(variance + epsilon).
/// Without `mean` (null) it is RMS normalisation: the mean is taken for 0. mean and scale [rows]
/// are what the backward pass needs. y may be x.
struct row_norm_call {
  dtype type;
  row_norm_shape shape;
  const void* x;
  row_parameters by;
  float* mean;
  float* scale;
  void* y;
};

/// The gradients of the call above. d_beta may be null. d_x may be d_y.
struct row_norm_slopes_call {
  dtype type;
  row_norm_shape shape;
  const void* x;
  const float* gamma;
  float* mean;
  float* scale;
  const void* d_y;
  void* d_x;
  float* d_gamma;
  float* d_beta;
};

/// y [tokens, width] = rows of `table` [entries, width]; NaN where an id is none of its rows.
struct embedding_call {
  dtype type;
  std::int64_t tokens, entries, width;
  const std::int32_t* ids;
  const void* table;
  void* y;
};

/// d_rows [segments, width] f32: row s is the sum of the rows of d_y [tokens, width] that order
/// [tokens] names from starts[s] up to starts[s + 1]. segments.hpp makes order and starts [segments
/// + 1] of ids.
struct embedding_slopes_call {
  dtype type;
  std::int64_t segments, width;
  const std::int32_t* order;
  const std::int32_t* starts;
  const void* d_y;
  float* d_rows;
};

struct attention_shape {
  std::int64_t batch, time, heads, width; ///< width of one head
};

/// y [B, T, heads, width] = softmax(q k^T / sqrt(width)) v for each head, from qkv [B, T, 3, heads,
/// width]. `weights` [B, heads, T, T] are what the softmax made, for the backward pass.
/// Paper: Vaswani et al.: Attention Is All You Need (NeurIPS 2017).
struct attention_call {
  dtype type;
  attention_shape shape;
  mask hidden;
  const void* qkv;
  void* weights;
  void* y;
  precision f32 = precision::exact;
};

/// d_qkv of the call above.
struct attention_slopes_call {
  dtype type;
  attention_shape shape;
  mask hidden;
  const void* qkv;
  const void* weights;
  const void* d_y;
  void* d_qkv;
  precision f32 = precision::exact;
};

} // namespace lagrange::ops::cuda
