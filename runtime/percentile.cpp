#include "runtime/percentile.hpp"

#include <algorithm>
#include <cmath>

namespace lagrange::runtime {

std::optional<double> percentile(std::span<const std::uint64_t> counts, double share) {
  std::uint64_t total = 0;
  for (auto count : counts) total += count;
  if (total == 0) return std::nullopt;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total)));
  std::uint64_t seen = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin)
    if ((seen += counts[bin]) >= std::max<std::uint64_t>(wanted, 1))
      return static_cast<double>(bin);
  return std::nullopt;
}

std::optional<double> percentile_of_values(std::vector<double> values, double share) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const auto rank = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

} // namespace lagrange::runtime
