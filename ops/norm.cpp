#include "ops/norm.hpp"

#include "ops/vectorised.hpp"

#include <array>
#include <cstddef>

namespace lagrange::ops {

namespace {

/// Sums that run beside each other, each over every lanes-th element: enough that a vector unit
/// never waits for the sum before.
constexpr std::size_t lanes = 32;

inline void square_lanes(const float* __restrict x, std::size_t count, double* __restrict out) {
  std::array<double, lanes> sums{};
  std::size_t first = 0;
  for (; first + lanes <= count; first += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const double value = x[first + lane];
      sums[lane] += value * value;
    }
  for (std::size_t lane = 0; first + lane < count; ++lane) {
    const double value = x[first + lane];
    sums[lane] += value * value;
  }
  for (std::size_t lane = 0; lane < lanes; ++lane) out[lane] = sums[lane];
}

} // namespace

double sum_of_squares(std::span<const float> x) {
  std::array<double, lanes> sums;
  vectorised<&square_lanes>(x.data(), x.size(), sums.data());
  double sum = 0;
  for (const double lane : sums) sum += lane;
  return sum;
}

} // namespace lagrange::ops
