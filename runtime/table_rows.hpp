/// \file
/// Rows of tables as messages name them.
#pragma once

#include "ops/tensor.hpp"

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <cstdint>

namespace lagrange::runtime {

/// Some rows of the tables of which a shard has a part, by their number in that part
/// (table_split.hpp).
struct table_rows {
  /// So many of each table, in the order of the model; empty: no rows are meant.
  boost::container::small_vector<std::uint32_t, 4> counts;
  ops::tensor rows; ///< i32 [K]: those of the first table, ascending, each once, then the next's

  bool empty() const { return counts.empty(); }
  std::size_t size() const { return empty() ? 0 : static_cast<std::size_t>(rows.elements()); }
};

} // namespace lagrange::runtime
