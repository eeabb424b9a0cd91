/// \file
/// Sums of columns in two launches; bias gradients and normalisations share it.
#pragma once

#include "ops/cuda/device.cuh"
#include "ops/cuda/kernels/sums.cuh"

namespace lagrange::ops::cuda {

/// finish(column, totals) for every column, where the totals are sums over the rows of what `body`
/// adds up. Rows are dealt out by their number alone, so that the order of sums is fixed.
template <int outputs, class Body, class Finish>
status column_sums(stream& on, std::int64_t rows, std::int64_t columns, Body body, Finish finish) {
  constexpr std::int64_t chunk_rows_min = 64;
  constexpr std::int64_t chunks_max = 256;
  const auto chunk_rows = std::max(chunk_rows_min, (rows - 1) / chunks_max + 1);
  const auto chunks = (rows - 1) / chunk_rows + 1;
  const grid at{
      {blocks_for(columns, column_lanes, std::int64_t{1} << 30), static_cast<unsigned>(chunks)},
      {column_lanes, row_lanes}};
  scratch room(on);
  float* parts = nullptr;
  return first_failure([&] { return room.take(outputs * chunks * columns, parts); },
                       [&] {
                         return launch(on, at, sum_columns<outputs, Body>, body,
                                       columns_shape{rows, columns, chunk_rows}, parts);
                       },
                       [&] {
                         return launch(on, line_grid(columns), combine_chunks<outputs, Finish>,
                                       finish, chunks, columns, parts);
                       });
}

} // namespace lagrange::ops::cuda
