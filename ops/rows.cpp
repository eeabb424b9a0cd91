#include "ops/rows.hpp"

#include "ops/contract.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <cstddef>

namespace lagrange::ops {

namespace {

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
  auto to = y.begin();
  for (const auto row : rows)
    to = std::ranges::copy(table.subspan(static_cast<std::size_t>(row) * width, width), to).out;
}

void scatter_rows(std::span<const float> y, std::span<const std::int32_t> rows,
                  std::span<float> table) {
  const auto width = y.size() / std::max<std::size_t>(rows.size(), 1);
  vectorised<&add_rows_loop>(y.data(), rows.data(), rows.size(), width, table.data());
}

} // namespace lagrange::ops
