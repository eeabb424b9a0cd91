/// \file
/// Sums and maxima of a row of numbers in sixteen lanes: element i belongs to lane i mod 16, and
/// lanes are put together in halves. The order is fixed, so the bits are the same on every
/// instruction set, and a compiler that may not change the order of a sum can still use vectors.
/// Its rounding error grows with a sixteenth of the length. Call them inside of vectorised().
#pragma once

#include <array>
#include <cstddef>

namespace lagrange::ops {

inline constexpr std::size_t lane_count = 16;

namespace detail {
template <class Term, class Join>
inline float join_in_lanes(std::size_t count, float start, Term term, Join join) {
  std::array<float, lane_count> lanes;
  for (auto& each : lanes) each = start;
  std::size_t i = 0;
  for (; i + lane_count <= count; i += lane_count)
#pragma GCC unroll 1 // written out, the sixteen would be taken for scalars
    for (std::size_t lane = 0; lane < lane_count; ++lane)
      lanes[lane] = join(lanes[lane], term(i + lane));
  for (std::size_t lane = 0; i + lane < count; ++lane)
    lanes[lane] = join(lanes[lane], term(i + lane));
  for (std::size_t half = lane_count / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane)
      lanes[lane] = join(lanes[lane], lanes[lane + half]);
  return lanes[0];
}
} // namespace detail

/// The sum of term(i) for i in [0, count); 0 of none.
template <class Term>
inline float sum_in_lanes(std::size_t count, Term term) {
  return detail::join_in_lanes(count, 0, term, [](float a, float b) { return a + b; });
}

/// The largest of x [count]; NaNs are passed over. Minus infinity of none.
inline float largest_in_lanes(const float* x, std::size_t count) {
  return detail::join_in_lanes(
      count, -__builtin_inff(), [x](std::size_t i) { return x[i]; },
      [](float a, float b) { return b > a ? b : a; });
}

} // namespace lagrange::ops
