/// \file
/// How well the rows of one table suit those of another: what models of pairs (purchases, words)
/// compute with. A batch is i32 [B, 1 + N]: a row of the first table, and N of the second to hold
/// it against, of which the first is the one that belongs to it. Nothing here looks at a row that
/// is not in the batch, so that tables may as well hold only those, with the batch renumbered.
#pragma once

#include "ops/network.hpp"

#include <cstdint>
#include <span>

namespace lagrange::ops {

/// Shapes: a [R, W], b [S, W], a_bias [R] and b_bias [S] or both empty.
struct pair_tables {
  std::span<const float> a, b, a_bias, b_bias;
  std::int64_t width = 0; ///< W
};

/// Throws contract_error, naming the first that is not, unless all rows are in their tables.
void expect_pairs(const pair_tables& tables, std::span<const std::int32_t> rows,
                  std::int64_t length);
void expect_pairs(std::span<const std::int32_t> rows, std::int64_t length, std::int64_t rows_a,
                  std::int64_t rows_b);

/// y[i,j] = a[u] . b[v] + a_bias[u] + b_bias[v], with u = rows[i,0] and v = rows[i,1+j].
/// Shapes: rows [B, length], y [B, length - 1]. Requires: expect_pairs().
void score_pairs(const pair_tables& tables, std::span<const std::int32_t> rows, std::int64_t length,
                 std::span<float> y);

/// Puts N - 1 rows behind each pair, drawn with equal odds from [0, table_rows) but for the pair's
/// own: a pure function of (key, place in the batch).
/// Shapes: pairs [B, 2] -> rows [B, 1 + N]. Requires: a table of at least two rows.
void draw_negatives(std::span<const std::int32_t> pairs, std::int64_t table_rows, std::uint64_t key,
                    std::span<std::int32_t> rows);

/// What belongs together is to score high, and the others low.
enum class pair_loss : std::uint8_t {
  logistic = 0, ///< -log s(y0) - sum of log s(-yk), with s(x) = 1 / (1 + e^-x)
  pairwise,     ///< - sum of log s(y0 - yk)
};

/// The sum of the losses of all rows, and its gradient.
/// Shapes: y [B, N], d_y [B, N] or empty.
double pair_losses(pair_loss kind, std::int64_t n, std::span<const float> y, std::span<float> d_y);

/// The sum of the losses, and how often what belongs together is in the first tenth of its N, or
/// the first of less than twenty: of 100 others and itself in the first ten. Of equals it is last.
/// Shapes: y [B, N].
scores pair_ranks(pair_loss kind, std::int64_t n, std::span<const float> y);

} // namespace lagrange::ops
