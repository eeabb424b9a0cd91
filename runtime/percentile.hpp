/// \file
/// Percentiles of what a job counts: the staleness of its gradients, the times of its recoveries.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// The smallest bin that holds at least `share` of all counts; none where nothing was counted.
std::optional<double> percentile(std::span<const std::uint64_t> counts, double share);

/// Nearest-rank percentile; none of no values.
std::optional<double> percentile_of_values(std::vector<double> values, double share);

} // namespace lagrange::runtime
