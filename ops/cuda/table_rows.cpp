#include "ops/cuda/table_rows.hpp"

#include "ops/cuda/operations.hpp"
#include "ops/cuda/row_calls.hpp"

namespace lagrange::ops::cuda {

void take_rows(device_stream& on, const view& table, std::int64_t width,
               std::span<const std::int32_t> ids, float* y) {
  const auto tokens = std::ssize(ids);
  const view wide{dtype::f32, y, static_cast<std::size_t>(tokens * width)};
  typed_result taken(on, wide, table.type);
  on.run(&backend::embedding, {table.type, tokens, rows_of(table, width), width, on.bring_up(ids),
                               table.data, taken.data()});
  taken.store();
}

void sum_into_rows(device_stream& on, const row_sums& of, const view& d_table, segments& room) {
  if (d_table.empty()) return;
  const auto rows = rows_of(d_table, of.width);
  make_row_segments(of.ids, rows, room);
  typed_result sums(on, d_table, dtype::f32);
  on.run(&backend::embedding_slopes,
         {of.type, rows, of.width, on.bring_up(std::span<const std::int32_t>(room.order)),
          on.bring_up(std::span<const std::int32_t>(room.starts)), of.d, sums.floats()});
  sums.store();
}

} // namespace lagrange::ops::cuda
