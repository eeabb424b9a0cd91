/// \file
/// Rows of a table by their index: what functions of tables share.
#pragma once

#include <cstdint>
#include <span>

namespace lagrange::ops {

/// Throws contract_error, naming the first that is not, unless every row lies in [0, `table_rows`).
void expect_rows(std::span<const std::int32_t> rows, std::int64_t table_rows);

/// y[i] = table[rows[i]]. Shapes: table [R, W], rows [N], y [N, W].
/// Requires: the rows lie in the table.
void gather_rows(std::span<const float> table, std::span<const std::int32_t> rows,
                 std::span<float> y);

/// table[rows[i]] += y[i], in order. Shapes: y [N, W], rows [N], table [R, W].
/// Requires: the rows lie in the table.
void scatter_rows(std::span<const float> y, std::span<const std::int32_t> rows,
                  std::span<float> table);

} // namespace lagrange::ops
