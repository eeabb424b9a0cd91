/// \file
/// Optimizers: how a gradient becomes a step. A shard has one for its part of the parameters. To
/// add one, write a file like optimizer_sgd.cpp and a row in optimizer.cpp's table, or put a row
/// into your program's catalog.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace lagrange::ops {

/// Throws contract_error unless `part` elements from `first` on lie in an optimizer of `whole`.
void check_part(std::size_t first, std::size_t parameters, std::size_t gradient, std::size_t whole);

struct optimizer_options {
  float rate = 1e-3F;
  float momentum = 0;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float weight_decay = 0; ///< added to the gradient as weight_decay * parameter
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

  /// One update with gradient * gradient_scale, in one pass over memory.
  /// Requires: spans of the size given at make.
  void step(std::span<float> parameters, std::span<const float> gradient, float gradient_scale) {
    begin_step();
    step_part(0, parameters, gradient, gradient_scale);
  }

  /// The same in parts, so that each may be read from where it was received: begin_step once, then
  /// step_part for parts that together cover every parameter once, in any order, also from several
  /// threads at a time. The bits are those of step.
  virtual void begin_step() = 0;
  /// The part of the update that begins at element `first`.
  /// Requires: `parameters` and `gradient` of the part alone, within the size given at make.
  virtual void step_part(std::size_t first, std::span<float> parameters,
                         std::span<const float> gradient, float gradient_scale) = 0;
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
};

/// The optimizers that come with lagrange.
std::span<const optimizer_row> optimizers();

/// p -= rate * u with u = momentum * u + g; momentum 0 keeps no state.
/// Paper: Polyak: Some Methods of Speeding up the Convergence of Iteration Methods (1964).
std::unique_ptr<optimizer> make_sgd(std::size_t elements, const optimizer_options& options);

/// Adaptive moments with bias correction.
/// Paper: Kingma, Ba: Adam: A Method for Stochastic Optimization (ICLR 2015).
std::unique_ptr<optimizer> make_adam(std::size_t elements, const optimizer_options& options);

} // namespace lagrange::ops
