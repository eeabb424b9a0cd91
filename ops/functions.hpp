/// \file
/// What can be computed with variables, on one page. Every function takes variables of one tape,
/// computes at once, and is differentiable by all of its f32 operands. Shapes that do not fit throw
/// contract_error; layers.hpp and models.hpp check what users write before it gets here.
#pragma once

#include "ops/pair_scores.hpp"
#include "ops/tape.hpp"

namespace lagrange::ops {

// ---- products -----------------------------------------------------------------------------------

/// y = f(x w + b). The last extents of x, together I, are read as one row.
/// Shapes: x [..., I], w [I, O], b [O] -> y [..., O].
variable linear(const variable& x, const variable& w, const variable& b,
                activation after = activation::none);
/// y = x w. Shapes: x [..., I], w [I, O] -> y [..., O].
variable linear(const variable& x, const variable& w);

/// How a square window goes over an image.
struct window {
  std::int64_t side = 1; ///< of a convolution: that of its weight
  std::int64_t stride = 1;
  std::int64_t padding = 0; ///< added on each side
  std::int64_t groups = 1;  ///< of channels, each for itself; convolutions only
  /// Windows along one side. Requires: at least one fits.
  std::int64_t steps(std::int64_t pixels) const {
    return (pixels + 2 * padding - side) / stride + 1;
  }
};

/// y[b,h,w,o] = f(b[o] + sum over r,s,c of x[b, h*stride+r-padding, w*stride+s-padding, c]
/// w[r,s,c,o]), c going over the channels of o's group.
/// Shapes: x [B, H, W, C], w [side, side, C/groups, O], b [O] -> y [B, H', W', O].
variable convolution(const variable& x, const variable& w, const variable& b, const window& how,
                     activation after = activation::none);
/// The same without b and f.
variable convolution(const variable& x, const variable& w, const window& how);

// ---- tables and sequences -----------------------------------------------------------------------

/// y[...] = table[rows[...]]. The gradient of the table is dense: 0 where no row came, and the sum
/// in the order of the rows where one came more than once.
/// Shapes: table [R, W], rows i32 [...] in [0, R) -> y [..., W].
variable embedding(const variable& table, const variable& rows);
/// y[b,o] = b[o] + sum over m of value[b,m] w[index[b,m], o], with rows[b,m] = (index, the bits of
/// the f32 value); an index of -1 adds nothing. The gradient of w is dense, as that of a table.
/// Shapes: rows i32 [B, M, 2], w [F, O], b [O] -> y [B, O].
variable sparse_linear(const variable& rows, const variable& w, const variable& b);
/// y[b,t] = x[b,t] + table[t]. Shapes: x [B, T, W], table [P, W] with P >= T -> y [B, T, W].
variable add_positions(const variable& x, const variable& table);

/// Which positions a position looks at.
enum class attention_mask : std::uint8_t {
  none = 0, ///< all
  causal,   ///< those before it and itself
};

/// Scaled dot-product attention of several heads. The columns of `qkv` are queries, keys and
/// values, C each, and head h has the D = C / heads columns from h D on of each:
/// y[b,t,h] = sum over s of softmax over s(q[b,t,h] . k[b,s,h] / sqrt(D)) v[b,s,h].
/// Shapes: qkv [B, T, 3 C] -> y [B, T, C].
/// Cost: training keeps B heads T^2 numbers. What a causal mask hides is left out by blocks.
/// Paper: Vaswani et al.: Attention Is All You Need (NeurIPS 2017).
variable attention(const variable& qkv, std::int64_t heads,
                   attention_mask mask = attention_mask::none);

// ---- pooling ------------------------------------------------------------------------------------

/// y[b,h,w,c] = max over the window of x[b, h*stride+r, w*stride+s, c]; the first of equals gets
/// the gradient. What does not fill a window is left out; no padding. Shapes: x [B, H, W, C] -> y
/// [B, H', W', C].
variable max_pool(const variable& x, const window& how);

/// y[b,h,w,c] = x[b, h*stride, w*stride, c - before], and 0 where there is no such channel; before
/// is half of the channels that are new: a shortcut without parameters.
/// Shapes: x [B, H, W, C] -> y [B, ceil(H/stride), ceil(W/stride), channels].
/// Paper: He et al., Deep Residual Learning (2016), option A.
variable subsample(const variable& x, std::int64_t stride, std::int64_t channels);
/// y[b,h,w,c] = mean over the window of x[b, h*stride+r-padding, w*stride+s-padding, c], of those
/// that are there: padding, less than a side, counts as none. Shapes: x [B, H, W, C] -> y
/// [B, H', W', C].
variable average_pool(const variable& x, const window& how);
/// The mean over all pixels. Shapes: x [B, H, W, C] -> y [B, C].
variable global_average_pool(const variable& x);

// ---- element by element -------------------------------------------------------------------------

/// y = max(x, 0); a NaN stays one. Prefer activation::relu where there is one, which saves a pass.
variable relu(const variable& x);
/// y = f(a + b). Shapes: a, b, y alike.
variable add(const variable& a, const variable& b, activation after = activation::none);
/// y = a b. Shapes: a, b, y alike.
variable multiply(const variable& a, const variable& b);
/// y = by x.
variable scale(const variable& x, float by);
/// y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
/// Paper: Hendrycks, Gimpel: Gaussian Error Linear Units (2016), in the form with tanh.
variable gelu(const variable& x);
/// y = x / (1 + e^-x).
/// Paper: Elfwing, Uchibe, Doya: Sigmoid-Weighted Linear Units for Neural Network Function
/// Approximation in Reinforcement Learning (2018).
variable silu(const variable& x);
/// y = tanh(x).
variable tanh(const variable& x);
/// y = 1 / (1 + e^-x).
variable sigmoid(const variable& x);

// ---- row by row ---------------------------------------------------------------------------------

/// y = e^x / sum of e^x over the row. Shapes: x [..., K] -> y [..., K], rows of K.
variable softmax(const variable& x);

// ---- normalisation ------------------------------------------------------------------------------

/// What batch norm keeps of earlier batches. Shapes: [C] each.
struct running_statistics {
  variable mean, variance;
};
struct batch_norm_options {
  float epsilon = 1e-5F;
  activation after = activation::none;
};
/// y = f((x - m) / sqrt(v + epsilon) scale + shift), with the mean m and the variance v of the
/// batch, by channel; in evaluation with those kept, of which a negative variance counts as 0. What
/// backward writes as the gradient of the kept ones is their distance from those of this batch (v
/// then divided by the rows less one, as it is for samples), so that a step of rate 0.1 moves them
/// a tenth of the way. Shapes: x [..., C], scale, shift [C] -> y [..., C].
/// Paper: Ioffe, Szegedy: Batch Normalization (2015).
variable batch_norm(const variable& x, const variable& scale, const variable& shift,
                    const running_statistics& kept, const batch_norm_options& options = {});

/// y = (x - m) / sqrt(v + epsilon) scale + shift, with the mean m and the variance v of each row.
/// Shapes: x [..., C], scale, shift [C] -> y [..., C].
/// Paper: Ba, Kiros, Hinton: Layer Normalization (2016).
variable layer_norm(const variable& x, const variable& scale, const variable& shift,
                    float epsilon = 1e-5F);
/// y = x / sqrt(q + epsilon) scale, with the mean q of the squares of each row.
/// Shapes: x [..., C], scale [C] -> y [..., C].
/// Paper: Zhang, Sennrich: Root Mean Square Layer Normalization (2019).
variable rms_norm(const variable& x, const variable& scale, float epsilon = 1e-5F);

/// In training y[i] = x[i] / (1 - share), or 0 where random_sequence(key, 0).unit(i) < share, with
/// the key of the pass: the same numbers on any device. In evaluation x itself.
/// Paper: Srivastava et al.: Dropout (2014).
variable dropout(const variable& x, float share);

// ---- losses: single numbers ---------------------------------------------------------------------

/// Mean of -sum over k of t[k] log softmax(logits)[k], with t the label's 1 - smoothing and
/// smoothing / K on all classes.
/// Shapes: logits [..., K] of R rows, labels i32 [R] in [0, K) -> [].
variable softmax_cross_entropy(const variable& logits, const variable& labels, float smoothing = 0);
/// Mean of -log p, with p = 1 / (1 + e^-logit) where the label is 1, and 1 - p where it is 0.
/// Shapes: logits of N numbers, labels i32 [N] -> [].
variable binary_cross_entropy(const variable& logits, const variable& labels);
/// Mean of (x - target)^2. Shapes: x, target alike -> [].
variable mean_squared_error(const variable& x, const variable& target);

struct negatives_options {
  std::int64_t count = 5; ///< rows of b drawn for each pair, where the batch brings none
  pair_loss loss = pair_loss::logistic;
};
/// Mean over the batch of the loss of scores a[rows[i,0]] . b[rows[i,j]], j >= 1, of which the
/// first is to be high and the others low (pair_scores.hpp). Batches of pairs get their others from
/// draw_negatives() by the key of the pass. The tables' gradients are dense, as an embedding's.
/// Shapes: rows i32 [B, 2] or [B, 1 + N], a [R, W], b [S, W] -> [].
/// Papers: Mikolov et al.: Distributed Representations of Words and Phrases and their
/// Compositionality (NeurIPS 2013); Rendle et al.: BPR (UAI 2009), for pair_loss::pairwise.
variable sampled_negatives_loss(const variable& rows, const variable& a, const variable& b,
                                const negatives_options& options = {});
/// A table, and one number more for each of its rows, to be added to its scores.
struct biased_table {
  variable rows; ///< [R, W]
  variable bias; ///< [R]
};
variable sampled_negatives_loss(const variable& rows, const biased_table& a, const biased_table& b,
                                const negatives_options& options = {});

} // namespace lagrange::ops
