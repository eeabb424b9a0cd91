/// \file
/// Sums of squares: what norms are made of. In double, so that no square of a float overflows, and
/// in one fixed order, so that the bits are the same on every processor.
#pragma once

#include <span>

namespace lagrange::ops {

/// The sum of x[i]^2; not finite if any x[i] is not.
/// Cost: one pass, as fast as memory gives the values.
double sum_of_squares(std::span<const float> x);

} // namespace lagrange::ops
