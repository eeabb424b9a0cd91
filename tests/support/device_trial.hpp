/// \file
/// A function of variables, computed on the CPU and on the device under test: how far apart values
/// and gradients are. What every function has in ops/cuda/operations.hpp is held to.
#pragma once

#include "ops/cuda/stream_processor.hpp"
#include "ops/functions.hpp"
#include "tests/ops/function_trial.hpp"
#include "tests/support/cuda_device.hpp"

namespace lagrange::tests {

/// The device under test as a processor.
inline std::unique_ptr<ops::processor> processor_under_test() {
  return cuda::make_processor(backend_under_test(), 0);
}

/// What one pass over a tape found.
struct pass_result {
  std::vector<float> y;
  float loss = 0; ///< how far y is from some target; y itself where it is a single number
  std::vector<std::vector<float>> gradients;
};

struct device_trial {
  std::string_view name; ///< of the operation
  std::vector<operand_values> operands;
  function_trial::function f;
  ops::pass_mode mode = ops::pass_mode::training;
};

/// Two steps of the same, of which the second counts: nothing of the first may be left in it.
pass_result compute(const device_trial& what, ops::processor& on, ops::dtype precision);

/// The largest difference of two lists, relative to the largest number of the second or to `floor`.
double apart(std::span<const float> a, std::span<const float> b, double floor = 1e-2);

} // namespace lagrange::tests
