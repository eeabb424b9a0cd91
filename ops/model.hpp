/// \file
/// What a network computes, written down once: its parameters, its loss, its scores. make_network()
/// makes the network that a worker runs. A model of your own is about fifteen lines: see
/// apps/README.md.
#pragma once

#include "ops/layer.hpp"

namespace lagrange::ops {

/// One batch on a tape.
struct model_pass {
  parameter_values parameters;
  variable inputs; ///< [B, sample] f32 or i32
  variable labels; ///< i32
};

class model {
public:
  virtual ~model() = default;
  /// Once, before the others: adds the parameters.
  virtual void build(parameter_list& into) = 0;
  /// Mean over what the batch predicts: [].
  virtual variable loss(const model_pass& pass) = 0;
  /// On a tape of evaluation mode.
  virtual scores evaluate(const model_pass& pass) = 0;

  // A model with tables says which of their rows a batch touches. Its pass then has tables of as
  // many rows as rows_touched_max() says, and inputs that are those that touch() made.

  /// As network::touch().
  virtual void touch(const tensor& inputs, std::uint64_t key, touched_rows& out);
  /// As network::rows_touched_max(), if the table had no end.
  virtual std::int64_t rows_touched_max(std::size_t position, const shape& inputs) const;
};

/// Shapes: `sample` is one input without the batch, as in [H, W, C].
/// Errors: throws std::invalid_argument if the model cannot be built for it.
std::unique_ptr<network> make_network(std::unique_ptr<model> what, const shape& sample);

struct classifier_options {
  float smoothing = 0;      ///< of the labels, in training
  std::int64_t classes = 0; ///< 0: as many as the layers make
  std::int64_t places = 0;  ///< of a sequence, each with a label of its own; 0: a sample has one
};
/// Softmax and cross-entropy behind layers that end in one logit per class.
/// Shapes: sample -> [..., K], labels i32 one for each row of logits.
/// Errors: throws std::invalid_argument if the layers do not end in a row of `classes` logits, or
/// in [places, classes].
std::unique_ptr<network> make_classifier(std::unique_ptr<layer> body, const shape& sample,
                                         const classifier_options& options = {});

} // namespace lagrange::ops
