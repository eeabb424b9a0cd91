/// \file
/// A batch in terms of the rows that it touches: which they are, and the batch with its rows
/// renumbered by their place among them. So a worker asks shards for these rows alone, and a
/// network computes on a small table that holds nothing else.
#pragma once

#include "ops/tensor.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace lagrange::ops {

/// Shapes: rows by table, in the order of a network's parameters.
struct touched_rows {
  tensor inputs;                               ///< i32: a row is a place in `rows`
  std::vector<std::vector<std::int32_t>> rows; ///< ascending, each once

  /// Inputs of that shape, in the same memory as before if that fits and nobody else holds it.
  void make_room(const shape& extents, std::size_t tables);
};

/// Numbers rows by their place among the distinct ones of a list. Keeps its memory.
class row_numbering {
public:
  void begin() { entries_.clear(); }
  /// Requires: a row of at least 0.
  void add(std::int32_t row, std::size_t place) {
    entries_.push_back(static_cast<std::uint64_t>(row) << 32 | place);
  }
  /// Puts the distinct rows into `distinct`, ascending, and calls `write(place, number)` for each
  /// row that was added, those of one row in the order in which they were.
  /// Cost: a pass over the list for every 11 bits of the largest row, then one more.
  template <class Write>
  void end(std::vector<std::int32_t>& distinct, const Write& write) {
    sort();
    distinct.clear();
    for (const auto entry : entries_) {
      const auto row = static_cast<std::int32_t>(entry >> 32);
      if (distinct.empty() || distinct.back() != row) distinct.push_back(row);
      write(static_cast<std::size_t>(entry & 0xFFFF'FFFF), distinct.size() - 1);
    }
  }

private:
  void sort();
  std::vector<std::uint64_t> entries_; ///< row, then place
  std::vector<std::uint64_t> other_;   ///< where a pass of the sort writes to
};

} // namespace lagrange::ops
