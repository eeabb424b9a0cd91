/// \file
/// What the formats of pairs share: their batches, and the other rows that a true one is ranked
/// against.
#pragma once

#include "runtime/data/dataset.hpp"
#include "runtime/permutation.hpp"

namespace lagrange::runtime {

/// Other rows for each pair to test with, where the table has as many.
/// Paper: He et al. 2017 (Neural Collaborative Filtering).
constexpr std::int64_t others_max = 100;

/// The input of pairs of rows of tables so large, with `others` rows to rank against.
ops::model_input pairs_input(std::int64_t first_rows, std::int64_t second_rows,
                             std::int64_t others);

/// Pairs that belong together, yet to be filled in.
/// Shapes: inputs [B, 2 + others], labels [B], all 1.
batch make_pairs(std::size_t samples, std::int64_t others);

/// Fills `out` with different rows of a table, always the same for a sample.
/// Requires: at least out.size() rows that are not excluded.
template <class Excluded>
void draw_others(std::uint32_t sample, std::int64_t rows, std::span<std::int32_t> out,
                 Excluded is_excluded) {
  constexpr std::uint64_t seed = 0x6f74686572726f77; // "otherrow"
  const permutation order(static_cast<std::uint64_t>(rows), seed, sample);
  std::uint64_t position = 0;
  for (auto& other : out) {
    do {
      other = static_cast<std::int32_t>(order(position++));
    } while (is_excluded(other));
  }
}

} // namespace lagrange::runtime
