/// \file
/// The layers there are, and what puts them together. Formulas are in functions.hpp; the numbers
/// that cannot be right are refused when the layer is built, by std::invalid_argument.
#pragma once

#include "ops/layer.hpp"

#include <utility>

namespace lagrange::ops {

// ---- put together -------------------------------------------------------------------------------

/// One layer after another. Shapes: those of the layers.
class sequential final : public layer {
public:
  /// Appends a layer; its parameters are called "<name>.weight" and so on.
  sequential& add(const std::string& name, std::unique_ptr<layer> next);
  shape build(parameter_list& into, const shape& sample) override;
  variable apply(parameter_values parameters, const variable& x) override;

private:
  std::vector<std::pair<std::string, std::unique_ptr<layer>>> layers_;
};

/// f(inner(x) + shortcut(x)); without a shortcut x itself.
/// Requires: both end in the same shape.
/// Paper: He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition (2016).
std::unique_ptr<layer> residual(std::unique_ptr<layer> inner, std::unique_ptr<layer> shortcut,
                                activation after = activation::none);

// ---- with parameters ----------------------------------------------------------------------------

/// What a linear layer reads as one row.
enum class linear_input : std::uint8_t {
  sample = 0, ///< all of it, whatever its shape
  row,        ///< the numbers of its last extent: each place of a sequence for itself
};
struct linear_options {
  std::int64_t outputs = 0;
  linear_input of = linear_input::sample;
  bool has_bias = true;
  activation after = activation::none;
};
/// Parameters start uniform in +-1/sqrt(I).
/// Shapes: sample of I numbers -> [O]; of rows, [..., I] -> [..., O].
std::unique_ptr<layer> linear(const linear_options& options);
inline std::unique_ptr<layer> linear(std::int64_t outputs, activation after = activation::none) {
  return linear(linear_options{.outputs = outputs, .after = after});
}

struct convolution_options {
  std::int64_t outputs = 0; ///< channels of the result
  std::int64_t kernel = 1;  ///< side of the square window
  std::int64_t stride = 1;
  std::int64_t padding = 0; ///< zeros added on each side
  std::int64_t groups = 1;  ///< of channels, each for itself
  bool has_bias = true;
  activation after = activation::none;
};
/// Parameters start uniform in +-1/sqrt(kernel * kernel * C / groups).
/// Shapes: sample [H, W, C] -> [H', W', O].
std::unique_ptr<layer> convolution(const convolution_options& options);

// ---- normalisation: scales start at 1, shifts at 0 ----------------------------------------------

/// By channel, over the batch. Shapes: sample [..., C] -> the same.
std::unique_ptr<layer> batch_norm(const batch_norm_options& options = {});
/// By row of C numbers. Shapes: sample [..., C] -> the same.
std::unique_ptr<layer> layer_norm(float epsilon = 1e-5F);
std::unique_ptr<layer> rms_norm(float epsilon = 1e-5F);

// ---- of sequences -------------------------------------------------------------------------------

/// Rows of a table, which start uniform with a standard deviation of 0.02; samples are i32.
/// Shapes: sample [...] -> [..., W].
std::unique_ptr<layer> embedding(std::int64_t rows, std::int64_t width);
/// Adds to each place of a sequence a row of its own, which starts as one of embedding().
/// A length of 0 is that of the samples.
/// Shapes: sample [T, W] with T at most `length` -> [T, W].
std::unique_ptr<layer> positions(std::int64_t length = 0);
/// Queries, keys and values by one linear function of each place, attention, and a linear function
/// of what comes out; parameters start as those of linear().
/// Shapes: sample [T, W] -> [T, W].
std::unique_ptr<layer> multi_head_attention(std::int64_t heads,
                                            attention_mask mask = attention_mask::none);

// ---- without ------------------------------------------------------------------------------------

/// Shapes: sample [H, W, C] -> [H', W', C].
std::unique_ptr<layer> max_pool(std::int64_t side = 2, std::int64_t stride = 2);
/// Shapes: sample [H, W, C] -> [H', W', C].
std::unique_ptr<layer> average_pool(const window& how);
/// Shapes: sample [H, W, C] -> [C].
std::unique_ptr<layer> global_average_pool();
std::unique_ptr<layer> relu();
/// Shapes: sample [H, W, C] -> [ceil(H/stride), ceil(W/stride), channels].
std::unique_ptr<layer> subsample(std::int64_t stride, std::int64_t channels);
std::unique_ptr<layer> gelu();
std::unique_ptr<layer> silu();
std::unique_ptr<layer> tanh();
std::unique_ptr<layer> sigmoid();
/// Over the last extent.
std::unique_ptr<layer> softmax();
/// Drops that share of the numbers in training.
std::unique_ptr<layer> dropout(float share);

} // namespace lagrange::ops
