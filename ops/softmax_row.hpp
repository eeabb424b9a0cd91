/// \file
/// One row of a softmax, for loops that vectorised() runs: shared by softmax, its loss, and what
/// weighs by it.
#pragma once

#include "ops/exponential.hpp"
#include "ops/lanes.hpp"

namespace lagrange::ops {

struct exponential_sum {
  float largest = 0; ///< of x
  float sum = 0;     ///< of e^(x - largest); a NaN if there is one in x
};

/// y = e^(x - largest x), which cannot overflow. Shapes: x, y [count]. `y` may be `x`.
inline exponential_sum exponentials(const float* x, float* y, std::size_t count) {
  const float largest = largest_in_lanes(x, count);
  for (std::size_t i = 0; i < count; ++i) y[i] = exponential(x[i] - largest);
  return {largest, sum_in_lanes(count, [y](std::size_t i) { return y[i]; })};
}

} // namespace lagrange::ops
