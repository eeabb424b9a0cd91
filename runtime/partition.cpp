#include "runtime/partition.hpp"

#include <algorithm>
#include <numeric>

namespace lagrange::runtime {

namespace {

/// Small enough to balance, large enough that a block's header is nothing beside it.
constexpr std::int64_t block_elements_max = 64 * 1024;
/// So many blocks a shard, at least, where the parameters allow it.
constexpr std::int64_t blocks_per_shard = 8;

std::vector<block> cut(std::span<const ops::parameter_spec> specs, std::int64_t length) {
  std::vector<block> blocks;
  std::int64_t flat = 0;
  for (std::uint32_t tensor = 0; tensor < specs.size(); ++tensor) {
    if (specs[tensor].is_table()) continue;
    const auto elements = specs[tensor].extents.elements();
    for (std::int64_t first = 0; first < elements; first += length) {
      const auto part = std::min(length, elements - first);
      blocks.push_back({tensor, first, part, flat, {}, 0});
      flat += part;
    }
  }
  return blocks;
}

} // namespace

partition partition::balanced(std::span<const ops::parameter_spec> specs, std::uint32_t shards,
                              partition_grain grain) {
  const auto total = ops::parameter_elements(specs);
  const bool has_tables = std::ranges::any_of(specs, &ops::parameter_spec::is_table);
  LAGRANGE_EXPECT(shards >= 1 && (has_tables || shards <= total),
                  std::to_string(shards) + " shards for " + std::to_string(total) + " parameters");
  partition made;
  const auto length =
      grain == partition_grain::tensor
          ? total
          : std::clamp<std::int64_t>(total / (shards * blocks_per_shard), 1, block_elements_max);
  made.blocks_ = cut(specs, length);
  LAGRANGE_EXPECT(has_tables || shards <= made.blocks_.size(),
                  std::to_string(shards) + " shards for " + std::to_string(made.blocks_.size()) +
                      " blocks");
  made.loads_.assign(shards, 0);
  std::vector<std::size_t> order(made.blocks_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return made.blocks_[a].elements > made.blocks_[b].elements;
  });
  for (auto index : order) {
    const auto least = std::min_element(made.loads_.begin(), made.loads_.end());
    made.blocks_[index].owner = {static_cast<std::uint32_t>(least - made.loads_.begin())};
    *least += made.blocks_[index].elements;
  }
  std::vector<std::int64_t> next(shards, 0); // in flat order, so that copies run forward
  for (auto& part : made.blocks_) {
    part.place = next[part.owner.value];
    next[part.owner.value] += part.elements;
  }
  return made;
}

std::vector<block> partition::blocks_of(shard_id owner) const {
  std::vector<block> own;
  std::copy_if(blocks_.begin(), blocks_.end(), std::back_inserter(own),
               [&](const block& part) { return part.owner == owner; });
  return own;
}

void partition::scatter(shard_id owner, std::span<const float> values,
                        std::span<float> flat) const {
  LAGRANGE_EXPECT(static_cast<std::int64_t>(values.size()) == elements_of(owner),
                  std::to_string(values.size()) + " values of shard " + to_string(owner));
  for (const auto& part : blocks_)
    if (part.owner == owner)
      std::copy_n(values.data() + part.place, part.elements, flat.data() + part.flat);
}

void partition::gather(shard_id owner, std::span<const float> flat, std::span<float> values) const {
  LAGRANGE_EXPECT(static_cast<std::int64_t>(values.size()) == elements_of(owner),
                  std::to_string(values.size()) + " values for shard " + to_string(owner));
  for (const auto& part : blocks_)
    if (part.owner == owner)
      std::copy_n(flat.data() + part.flat, part.elements, values.data() + part.place);
}

} // namespace lagrange::runtime
