/// \file
/// The layers again, as plainly as they can be written and in double precision: what the tests hold
/// the fast ones against. And numbers to feed them.
#pragma once

#include "ops/layers.hpp"
#include "ops/random.hpp"

#include <cmath>
#include <vector>

namespace lagrange::tests {

/// Numbers in [-1, 1), multiples of 2^-23, the same for the same seed.
inline std::vector<float> numbers(std::int64_t count, std::uint64_t seed) {
  const ops::random_sequence drawn(seed, 0);
  std::vector<float> made(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = 2 * drawn.unit(i) - 1;
  return made;
}

inline std::vector<std::int32_t> labels(std::int64_t count, std::int64_t classes,
                                        std::uint64_t seed) {
  const ops::random_sequence drawn(seed, 1);
  std::vector<std::int32_t> made(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<std::int32_t>(drawn.bits(i) % static_cast<std::uint64_t>(classes));
  return made;
}

inline std::vector<float> parameters(std::span<const ops::parameter_spec> specs,
                                     std::uint64_t seed) {
  std::vector<float> made(static_cast<std::size_t>(ops::parameter_elements(specs)));
  std::span<float> rest = made;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto count = static_cast<std::size_t>(specs[i].extents.elements());
    ops::initialise(specs[i], seed, i, 0, rest.first(count));
    rest = rest.subspan(count);
  }
  return made;
}

/// Shapes: x [B, I], w [I, O], b [O] -> y [B, O].
std::vector<double> linear_reference(std::span<const float> x, std::span<const float> w,
                                     std::span<const float> b, std::int64_t batch);

/// Shapes: x [B, H, W, C], w [kernel, kernel, C, O], b [O] -> y [B, H', W', O].
std::vector<double> convolution_reference(std::span<const float> x, std::span<const float> w,
                                          std::span<const float> b, std::int64_t batch,
                                          const ops::shape& sample,
                                          const ops::convolution_options& options);

/// Shapes: x [B, H, W, C] -> y [B, H', W', C].
std::vector<double> max_pool_reference(std::span<const float> x, std::int64_t batch,
                                       const ops::shape& sample, const ops::window& how);

/// The largest |a - b| / max(1, |b|); infinite if the lengths differ or a value is no number.
double distance(std::span<const float> a, std::span<const double> b);

} // namespace lagrange::tests
