/// \file
/// Which shard owns which row of a table: row r is row r / shards of shard r % shards, so that
/// every shard has its share of the rows that are touched often, wherever these are. And how rows
/// are named on their way.
#pragma once

#include "ops/models.hpp"
#include "runtime/ids.hpp"
#include "runtime/messages.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// A table of the model.
struct table_shape {
  std::uint32_t tensor = 0; ///< position among the model's parameters
  std::int64_t rows = 0;
  std::int64_t width = 1; ///< elements of a row
  bool operator==(const table_shape&) const = default;
};

class table_split {
public:
  table_split(std::span<const ops::parameter_spec> specs, std::uint32_t shards);

  /// In the model's order.
  std::span<const table_shape> tables() const { return tables_; }
  bool empty() const { return tables_.empty(); }
  std::uint32_t shards() const { return shards_; }

  std::uint32_t owner(std::int64_t row) const { return static_cast<std::uint32_t>(row) % shards_; }
  /// What its owner calls it.
  std::int32_t local(std::int64_t row) const {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(row) / shards_);
  }
  std::int64_t global(shard_id owner, std::int64_t local) const {
    return local * shards_ + owner.value;
  }
  /// Rows of a table that a shard owns.
  std::int64_t rows_of(const table_shape& table, shard_id owner) const {
    return (table.rows + shards_ - 1 - owner.value) / shards_;
  }
  /// Units: elements, of all tables.
  std::int64_t elements_of(shard_id owner) const;

  /// The rows of each table that shard `by` owns, as it calls them. `out` keeps its memory if
  /// nobody else holds it. Shapes: rows by table, ascending.
  void select(std::span<const std::vector<std::int32_t>> rows, shard_id by, table_rows& out) const;
  /// Copies the values of a shard's rows to their places among those of all shards, or back.
  /// Shapes: rows [R] of one table, shard [those of the owner, width] <-> all [R, width].
  void scatter(std::span<const std::int32_t> rows, shard_id by, std::span<const float> shard,
               std::span<float> all) const;
  void gather(std::span<const std::int32_t> rows, shard_id by, std::span<const float> all,
              std::span<float> shard) const;

private:
  std::vector<table_shape> tables_;
  std::uint32_t shards_;
};

/// What the rows of a batch take at most on their way, with their numbers. Units: bytes.
std::uint64_t row_bytes_max(const ops::network& network, const ops::model_input& input,
                            std::uint32_t batch);

} // namespace lagrange::runtime
