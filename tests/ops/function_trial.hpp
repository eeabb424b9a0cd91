/// \file
/// A function of variables under trial: its values, its gradients, and whether those are the slopes
/// of those. What every function of ops/functions.hpp is tested with.
#pragma once

#include "ops/functions.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace lagrange::tests {

/// Numbers that a function is differentiated by.
struct operand_values {
  ops::shape extents;
  std::vector<float> values;
  /// Drawn from [-1, 1) by `seed`.
  operand_values(const ops::shape& extents, std::uint64_t seed);
  operand_values(const ops::shape& extents, std::vector<float> values);
};

class function_trial {
public:
  /// The operands as variables of `on`, which may also take constants.
  using function =
      std::function<ops::variable(ops::tape& on, std::span<const ops::variable> operands)>;
  function_trial(std::vector<operand_values> operands, function f)
      : operands(std::move(operands)), f_(std::move(f)) {}

  std::vector<operand_values> operands;
  std::uint64_t key = 0; ///< of the random numbers of a pass

  std::vector<float> forward(ops::pass_mode mode = ops::pass_mode::training);
  /// The gradients of sum(y * d_y) by each operand, on a tape that has computed something else in
  /// between.
  std::vector<std::vector<float>> gradients(const std::vector<float>& d_y);
  /// Compares gradients() with central differences of forward(), on up to a hundred elements of
  /// each operand. Returns: the largest distance, relative to the largest slope of that operand.
  double slope_error(double step = 1.0 / 256);

private:
  std::vector<ops::variable> lay(ops::tape& on, std::vector<std::vector<float>>* gradients);
  function f_;
  ops::tape training_{ops::pass_mode::training};
  ops::tape evaluation_{ops::pass_mode::evaluation};
};

/// sum(x * w): a loss whose gradient is w. Shapes: x, w alike -> [].
ops::variable weigh(const ops::variable& x, const ops::variable& w);

} // namespace lagrange::tests
