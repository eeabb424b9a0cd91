/// \file
/// Which shard owns which part of the parameters, tables apart (table_split.hpp). Parameters are
/// cut into blocks, none of which crosses a tensor; blocks are dealt to the shards so that their
/// loads are as even as whole blocks allow. A pure function of the shapes and the number of shards:
/// every process computes the same.
#pragma once

#include "ops/network.hpp"
#include "runtime/ids.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace lagrange::runtime {

struct block {
  std::uint32_t tensor = 0; ///< position among the network's parameters
  std::int64_t first = 0;   ///< first element, counted in the tensor
  std::int64_t elements = 0;
  std::int64_t flat = 0; ///< first element, counted in the network's flat vector
  shard_id owner;
  std::int64_t place = 0; ///< first element, counted in the owner's blocks
  bool operator==(const block&) const = default;
};

/// What is dealt as one.
enum class partition_grain : std::uint8_t {
  block = 0, ///< as even as can be
  tensor,    ///< no tensor is split, for what looks at tensors as a whole
};

class partition {
public:
  /// Largest-first dealing of blocks (Graham 1969, LPT).
  /// Requires: 1 <= shards <= number of elements; of tensors, if those are not split. With tables
  /// there may be more shards; some then have none of these blocks.
  static partition balanced(std::span<const ops::parameter_spec> specs, std::uint32_t shards,
                            partition_grain grain = partition_grain::block);

  std::span<const block> blocks() const { return blocks_; }
  /// Blocks of one shard, in the order in which it stores them.
  std::vector<block> blocks_of(shard_id owner) const;
  /// Units: elements.
  std::int64_t elements_of(shard_id owner) const { return loads_[owner.value]; }
  std::uint32_t shards() const { return static_cast<std::uint32_t>(loads_.size()); }

  /// Copies a shard's values into their places in the flat vector.
  void scatter(shard_id owner, std::span<const float> values, std::span<float> flat) const;
  /// Copies a shard's part of the flat vector together.
  void gather(shard_id owner, std::span<const float> flat, std::span<float> values) const;

private:
  std::vector<block> blocks_;
  std::vector<std::int64_t> loads_;
};

} // namespace lagrange::runtime
