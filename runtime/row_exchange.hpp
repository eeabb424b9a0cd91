/// \file
/// The rows of a step: from the shards' answers together into small tables that the network
/// computes on, and their gradients apart again, into frames. Part of what a worker computes; used
/// by one thread.
#pragma once

#include "ops/network.hpp"
#include "runtime/row_plan.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/table_split.hpp"

#include <span>
#include <vector>

namespace lagrange::runtime {

/// Rows of the tables that somebody holds. Shapes: rows by table, ascending; values by table, f32
/// [rows * width].
struct held_rows {
  std::span<const std::vector<std::int32_t>> rows;
  std::span<const ops::tensor> values;
};

/// A frame's worth of a shard's rows.
struct row_part {
  table_rows rows;
  ops::tensor gradient; ///< f32 [M]
};

/// The rows of a shard cut into frames: how many of each table come in each. A pure function of the
/// rows, so that the number of frames is known before anything is computed.
/// Returns at least one.
std::vector<table_rows> cut_rows(const table_rows& rows, std::span<const table_shape> tables,
                                 std::size_t elements_max);

class row_exchange {
public:
  row_exchange(const ops::network& network, const table_split& split, std::size_t frame_elements);

  /// Gradients go into memory of this kind.
  void use_memory(const allocator& memory) { memory_ = memory; }

  /// Begins a step with the rows of this plan. Shapes: values by shard, f32 [M].
  void take(const row_plan& plan, std::span<const ops::tensor> values);
  /// The same for an evaluation, from rows that hold all of those touched.
  void take(const ops::touched_rows& touched, const held_rows& from);
  /// What the network computes on.
  std::span<const ops::table_part> tables() const { return parts_; }

  /// Of the last gradient. In double, in one order.
  double sum_of_squares() const;
  void scale_gradient(float by);
  /// How many frames a shard's rows take.
  std::uint32_t frame_count(const row_plan& plan, shard_id shard) const {
    return static_cast<std::uint32_t>(
        cut_rows(plan.wanted[shard.value], split_.tables(), frame_elements_).size());
  }
  /// The frames of a shard's rows. Requires: take() with the plan of this gradient came last.
  std::vector<row_part> frames(const row_plan& plan, shard_id shard);

private:
  void make_room(const ops::touched_rows& touched);
  ops::tensor room(std::size_t bytes);

  const ops::network& network_;
  table_split split_;
  std::size_t frame_elements_;
  allocator memory_;
  std::vector<std::vector<float>> values_, d_values_; ///< by table
  std::vector<std::size_t> rows_;                     ///< of each, of the step
  std::vector<ops::table_part> parts_;
  std::vector<ops::tensor> rooms_; ///< u8: gradients that were sent, to be used again
};

} // namespace lagrange::runtime
