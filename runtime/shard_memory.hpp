/// \file
/// How much memory the shards of a job take for parameters, tables and optimizer state: known
/// before it starts, so that a job that does not fit is refused and not killed.
#pragma once

#include "ops/optimizer.hpp"
#include "runtime/partition.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace lagrange::runtime {

/// A model's parameters and what their optimizer keeps.
struct stepped_parameters {
  std::span<const ops::parameter_spec> specs;
  partition_grain grain = partition_grain::block;
  std::uint64_t floats = 1; ///< that each takes: itself, and the optimizer's state
};
/// Requires: an optimizer made for two elements, as in ops::optimizer_row.
stepped_parameters stepped_by(std::span<const ops::parameter_spec> specs, partition_grain grain,
                              ops::optimizer& two);

/// Of the fullest of so many shards. Units: bytes. Requires: shards among which the parameters can
/// be split.
std::uint64_t shard_bytes(const stepped_parameters& x, std::uint32_t shards);

/// The least number of shards, up to `last`, none of which takes more than `bytes_max`.
std::optional<std::uint32_t> least_shards(const stepped_parameters& x, std::uint64_t bytes_max,
                                          std::uint32_t last);

} // namespace lagrange::runtime
