#include "ops/rows.hpp"

#include "ops/contract.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <cstddef>

namespace lagrange::ops {

namespace {

/// So many rows are on their way from memory while one is copied.
constexpr std::size_t rows_ahead = 8;
constexpr std::size_t floats_of_line = 16;

inline void add_rows_loop(const float* __restrict y, const std::int32_t* __restrict rows,
                          std::size_t count, std::size_t width, float* __restrict table) {
  for (std::size_t i = 0; i < count; ++i, y += width) {
    float* row = table + static_cast<std::size_t>(rows[i]) * width;
    for (std::size_t k = 0; k < width; ++k) row[k] += y[k];
  }
}

} // namespace

void expect_rows(std::span<const std::int32_t> rows, std::int64_t table_rows) {
  const auto stray =
      std::ranges::find_if(rows, [=](auto row) { return row < 0 || row >= table_rows; });
  LAGRANGE_EXPECT(stray == rows.end(), "row " + std::to_string(*stray) + " of a table of " +
                                           std::to_string(table_rows) + " rows");
}

void gather_rows(std::span<const float> table, std::span<const std::int32_t> rows,
                 std::span<float> y) {
  const auto width = y.size() / std::max<std::size_t>(rows.size(), 1);
  const auto at = [&](std::size_t i) {
    return table.data() + static_cast<std::size_t>(rows[i]) * width;
  };
  auto* to = y.data();
  for (std::size_t i = 0; i < rows.size(); ++i, to += width) {
    // Where the next row lies no processor can guess.
    if (i + rows_ahead < rows.size())
      for (std::size_t k = 0; k < width; k += floats_of_line)
        __builtin_prefetch(at(i + rows_ahead) + k);
    std::copy_n(at(i), width, to);
  }
}

void scatter_rows(std::span<const float> y, std::span<const std::int32_t> rows,
                  std::span<float> table) {
  const auto width = y.size() / std::max<std::size_t>(rows.size(), 1);
  vectorised<&add_rows_loop>(y.data(), rows.data(), rows.size(), width, table.data());
}

} // namespace lagrange::ops
