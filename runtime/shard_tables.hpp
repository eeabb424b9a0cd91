/// \file
/// A shard's part of the tables: rows with their optimizer state, read and stepped row by row. No
/// copy of a table is ever made: a pull gets the rows as they are when it is served.
#pragma once

#include "ops/optimizer.hpp"
#include "ops/touched_rows.hpp"
#include "runtime/messages.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/table_split.hpp"

#include <memory>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// A shard's rows of one table.
struct shard_table {
  table_shape shape; ///< `rows` are the shard's own
  std::vector<float> values;
  std::unique_ptr<ops::optimizer> optimizer; ///< for as many elements
};

struct shard_state;

class shard_tables {
public:
  /// `memory` for rows that are sent; null: ordinary memory.
  explicit shard_tables(std::vector<shard_table> tables, allocator memory = {});

  bool empty() const { return tables_.empty(); }
  /// Of all tables.
  std::size_t rows() const;
  std::span<const shard_table> tables() const { return tables_; }
  /// How many elements these rows have. Requires: rows without defect.
  std::size_t elements_of(const table_rows& x) const;

  /// Why these rows cannot be read: a count for each table, every row in its table. Requires: rows
  /// as the wire lets them pass. Errors: bad_frame.
  error find_defect(const table_rows& x) const;
  /// Why they cannot be stepped with this gradient.
  error find_defect(const table_rows& x, const ops::tensor& gradient) const;

  /// The values of these rows. Shapes: f32 [M], one row after another.
  /// Requires: rows without defect. Cost: a copy into memory that is used again.
  ops::tensor read(const table_rows& x);

  /// One step: begin_step once, then step() for distinct rows.
  void begin_step(float rate_factor);
  void step(const table_rows& x, std::span<const float> gradient, float scale);

  /// A round: one step with the sum of several gradients, summed in the order in which they come.
  void begin_sum();
  /// Requires: a gradient that stays where it is until step_sum().
  void add(const table_rows& x, std::span<const float> gradient, float weight);
  /// Between begin_step() and the next.
  void step_sum();

  /// All rows with their optimizer state. Cost: a copy of both, made by so many cores.
  void capture(shard_state& out, int threads) const;
  /// The reverse. Requires: the state of tables of these shapes.
  void restore(const shard_state& from);

private:
  struct summand {
    table_rows rows;
    std::span<const float> gradient;
    float weight = 1;
  };
  /// Calls `work` with each table of which there are rows, these, and where its elements begin.
  template <class Work>
  void each(const table_rows& x, const Work& work) const;
  void step_rows(std::size_t table, std::span<const std::int32_t> rows,
                 std::span<const float> gradient, float scale);
  void number_summands(std::size_t table);
  ops::tensor room(std::size_t elements);

  std::vector<shard_table> tables_;
  allocator memory_;
  std::vector<ops::tensor> rooms_; ///< u8: rows that were sent, to be used again
  std::vector<summand> summands_;
  // Of one table of a round.
  ops::row_numbering numbering_;
  std::vector<std::int32_t> rows_;
  std::vector<std::size_t> numbers_; ///< of each summand's rows, one after another
  std::vector<float> sum_;
};

} // namespace lagrange::runtime
