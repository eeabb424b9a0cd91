/// \file
/// How long something may take, by how long it took before. Times are taken for lognormal, so that
/// the answer is a factor, and suits what is slow, fast and unsteady alike.
///
/// Paper: Hayashibara et al. 2004 (phi accrual; there of gaps between heartbeats, and normal).
#pragma once

#include "runtime/time_histogram.hpp"

#include <chrono>
#include <cstdint>

namespace lagrange::runtime {

/// Before so many times a habit is not known.
constexpr std::uint64_t habit_times_min = 20;

/// A time as long as this or longer has a probability of 10^-phi; and twice the longest that there
/// was, because what has happened may happen again. Requires: a time.
std::chrono::duration<double> longest_by_habit(const time_histogram& times, double phi);

} // namespace lagrange::runtime
