/// \file
/// The arithmetic of functions.hpp's losses of classes, and their scores.
#pragma once

#include "ops/network.hpp"

namespace lagrange::ops {

/// The mean loss, as functions.hpp defines it, and its gradient.
/// Shapes: logits [B, K], labels [B] in [0, K), d_logits [B, K] -> mean loss.
float softmax_cross_entropy(std::span<const float> logits, std::span<const std::int32_t> labels,
                            std::span<float> d_logits, float smoothing = 0);

/// Throws contract_error unless each label is one of the classes that so many logits make.
/// Returns: K.
std::int64_t expect_labels(std::size_t logits, std::span<const std::int32_t> labels);
/// The same for labels of 0 and 1, one for each logit.
void expect_binary_labels(std::size_t logits, std::span<const std::int32_t> labels);

/// Sums of the losses and of the samples whose largest logit is that of their label (of equal ones,
/// the first; a NaN is never right).
/// Shapes: logits [B, K], labels [B] in [0, K).
scores softmax_cross_entropy_scores(std::span<const float> logits,
                                    std::span<const std::int32_t> labels);

/// Sums of the losses, as functions.hpp defines them for two classes, and of the samples whose
/// label the logit's sign tells: 1 above 0.
/// Shapes: logits [N], labels [N], 0 or 1.
scores binary_cross_entropy_scores(std::span<const float> logits,
                                   std::span<const std::int32_t> labels);

} // namespace lagrange::ops
