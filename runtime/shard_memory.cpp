#include "runtime/shard_memory.hpp"

#include "runtime/table_split.hpp"

#include <algorithm>

namespace lagrange::runtime {

stepped_parameters stepped_by(std::span<const ops::parameter_spec> specs, partition_grain grain,
                              ops::optimizer& two) {
  stepped_parameters made{specs, grain, 1};
  for (const auto& state : two.state()) // one element would not tell its state from a count
    made.floats += state.values.size() == 2 ? 1 : 0;
  return made;
}

std::uint64_t shard_bytes(const stepped_parameters& x, std::uint32_t shards) {
  const auto parts = partition::balanced(x.specs, shards, x.grain);
  const table_split split(x.specs, shards);
  std::int64_t most = 0;
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    most = std::max(most, parts.elements_of({shard}) + split.elements_of({shard}));
  return static_cast<std::uint64_t>(most) * x.floats * sizeof(float);
}

std::optional<std::uint32_t> least_shards(const stepped_parameters& x, std::uint64_t bytes_max,
                                          std::uint32_t last) {
  auto most = static_cast<std::uint64_t>(ops::parameter_elements(x.specs));
  if (x.grain == partition_grain::tensor) most = x.specs.size();
  if (ops::table_elements(x.specs) > 0) most = last;
  for (std::uint32_t shards = 1; shards <= std::min<std::uint64_t>(last, most); ++shards)
    if (shard_bytes(x, shards) <= bytes_max) return shards;
  return std::nullopt;
}

} // namespace lagrange::runtime
