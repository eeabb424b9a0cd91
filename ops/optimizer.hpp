/// \file
/// Optimizers: how a gradient becomes a step. A shard has one for its part of the parameters. To
/// add one whose elements do not look at each other, write a rule like those of optimizer_sgd.cpp
/// and a row in optimizer.cpp's table, or put a row into your program's catalog.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace lagrange::ops {

/// The gradient of some rows of a table [T, width].
struct row_gradient {
  std::span<const std::uint32_t> rows; ///< [R], in any order; one that comes twice steps twice
  std::size_t width = 1;
  std::span<const float> values; ///< [R, width]
};

/// Throws contract_error unless `part` elements from `first` on lie in an optimizer of `whole`.
void check_part(std::size_t first, std::size_t parameters, std::size_t gradient, std::size_t whole);

/// Throws contract_error unless the rows lie in a table of `table` elements and each has a
/// gradient.
void check_rows(std::size_t table, const row_gradient& gradient);

struct optimizer_options {
  float rate = 1e-3F;
  float momentum = 0;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  /// Added to the gradient as weight_decay * parameter; of adamw and lamb to the step itself.
  float weight_decay = 0;
  float beta = 1; ///< of ftrl: rate / beta is the rate of an element that has not moved yet
  float l1 = 0;   ///< of ftrl
  float l2 = 0;   ///< of ftrl
};

/// Errors: throws std::invalid_argument, naming the option and what was expected, unless every
/// option is in its range.
void check(const optimizer_options& options);

/// A part of an optimizer's state, to be read into a checkpoint and written from one.
struct optimizer_state {
  std::string_view name;
  std::span<float> values;
};

class optimizer {
public:
  virtual ~optimizer() = default;

  /// One update with gradient * gradient_scale, of parameters that are one tensor.
  /// Requires: spans of the size given at make.
  void step(std::span<float> parameters, std::span<const float> gradient, float gradient_scale) {
    begin_step(1);
    step_part(0, parameters, gradient, gradient_scale);
    end_tensor(0, parameters, 1);
  }

  /// The same in parts, so that each may be read from where it was received: begin_step once, then
  /// step_part for parts that together cover every parameter once, in any order, also from several
  /// threads at a time, then end_tensor for each tensor. The bits are those of step. The step is
  /// made at `rate_factor` times the rate of the options.
  virtual void begin_step(float rate_factor) = 0;
  /// The part of the update that begins at element `first`.
  /// Requires: `parameters` and `gradient` of the part alone, within the size given at make.
  virtual void step_part(std::size_t first, std::span<float> parameters,
                         std::span<const float> gradient, float gradient_scale) = 0;
  /// What is left to do once every part of the tensor that begins at element `first` is in: the
  /// step itself of an optimizer that needs whole tensors, nothing for any other.
  virtual void end_tensor(std::size_t first, std::span<float> parameters, int threads);

  /// In place of step_part for a table that begins at element `first`: the update of some of its
  /// rows and of their state, with the bits of a step_part over each. All else rests: an absent row
  /// keeps parameters and state, so neither its momentum nor its decay goes on. What the whole
  /// optimizer counts goes on for all: adam corrects the bias of a row that has been absent as if
  /// it had been there. Disjoint rows may be stepped from several threads at a time.
  /// Requires: `table` within the size given at make, rows within the table.
  virtual void step_rows(std::size_t first, std::span<float> table, const row_gradient& gradient,
                         float gradient_scale);

  /// Whether a parameter stays as it is while its gradient is zero.
  virtual bool rests_at_zero() const { return false; }

  /// Named state, for checkpoints: each as long as the parameters, or one value. An optimizer whose
  /// state is overwritten with that of another goes on exactly as the other would.
  virtual std::vector<optimizer_state> state() = 0;
};

/// One row of the table that config, `lagrange list optimizers` and the tests read.
struct optimizer_row {
  std::string_view name;
  std::string_view help;
  /// Errors: throws std::invalid_argument, naming the option and what was expected.
  std::unique_ptr<optimizer> (*make)(std::size_t elements, const optimizer_options& options);
  /// Whether a step looks at a tensor as a whole: then no tensor is split over shards.
  bool needs_whole_tensors = false;
};

/// The optimizers that come with lagrange.
std::span<const optimizer_row> optimizers();

// In each d is the gradient, scaled, plus weight_decay * p, and rate that of the step.

/// p -= rate * u with u = momentum * u + d; momentum 0 keeps no state.
/// Paper: Robbins, Monro: A Stochastic Approximation Method (1951).
std::unique_ptr<optimizer> make_sgd(std::size_t elements, const optimizer_options& options);

/// The same law as sgd's with momentum, under the name that people look for.
/// Paper: Polyak: Some Methods of Speeding up the Convergence of Iteration Methods (1964).
std::unique_ptr<optimizer> make_momentum(std::size_t elements, const optimizer_options& options);

/// p -= rate * (d + momentum * u) with u = momentum * u + d: the gradient is that of the place that
/// the momentum leads to.
/// Paper: Nesterov: A Method of Solving a Convex Programming Problem with Convergence Rate
/// O(1/k^2) (1983), as written by Sutskever et al.: On the Importance of Initialization and
/// Momentum in Deep Learning (ICML 2013).
std::unique_ptr<optimizer> make_nesterov(std::size_t elements, const optimizer_options& options);

/// p -= rate * d / (sqrt(s) + epsilon) with s += d^2.
/// Paper: Duchi, Hazan, Singer: Adaptive Subgradient Methods for Online Learning and Stochastic
/// Optimization (JMLR 2011).
std::unique_ptr<optimizer> make_adagrad(std::size_t elements, const optimizer_options& options);

/// Adaptive moments with bias correction.
/// Paper: Kingma, Ba: Adam: A Method for Stochastic Optimization (ICLR 2015).
std::unique_ptr<optimizer> make_adam(std::size_t elements, const optimizer_options& options);

/// adam without decay in d, and p -= rate * weight_decay * p beside its step.
/// Paper: Loshchilov, Hutter: Decoupled Weight Decay Regularization (ICLR 2019).
std::unique_ptr<optimizer> make_adamw(std::size_t elements, const optimizer_options& options);

/// p -= rate * |p| / |r| * r, with norms over a tensor and r = adam's direction + weight_decay * p;
/// where a norm is 0, p -= rate * r. The norms are sums in double in a fixed order.
/// Paper: You et al.: Large Batch Optimization for Deep Learning: Training BERT in 76 minutes
/// (ICLR 2020).
std::unique_ptr<optimizer> make_lamb(std::size_t elements, const optimizer_options& options);

/// FTRL-Proximal: with d the gradient, s += d^2 and z += d - (change of sqrt(s)) / rate * p,
/// p = 0 where |z| <= l1, else -(z - sign(z) * l1) / ((beta + sqrt(s)) / rate + l2).
/// Kept is rate * z, so that a rate that changes moves nothing by itself. The paper starts at p =
/// 0; here an element starts where it is, and stays there until its first gradient that is not 0.
/// Errors: also refuses weight_decay, whose place l2 takes.
/// Paper: McMahan et al.: Ad Click Prediction: a View from the Trenches (KDD 2013).
std::unique_ptr<optimizer> make_ftrl(std::size_t elements, const optimizer_options& options);

} // namespace lagrange::ops
