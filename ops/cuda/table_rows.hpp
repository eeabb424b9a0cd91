/// \file
/// Rows of tables on a device, as functions of tables need them: taken by index, and gradients that
/// are sums over the places that took them. Indices are on the host, where batches come from.
#pragma once

#include "ops/cuda/device_stream.hpp"
#include "ops/cuda/segments.hpp"
#include "ops/operation.hpp"

namespace lagrange::ops::cuda {

/// y [tokens, width] f32 = table[ids]. Requires: the ids are rows of the table.
void take_rows(device_stream& on, const view& table, std::int64_t width,
               std::span<const std::int32_t> ids, float* y);

/// d_table [rows, width], all of it: row r is the sum of d [tokens, width], which is f32, over the
/// tokens with ids[token] = r, in order. Nothing where d_table is empty. `room` is kept for reuse.
struct row_sums {
  std::span<const std::int32_t> ids;
  std::int64_t width;
  dtype type; ///< of d
  const void* d;
};
void sum_into_rows(device_stream& on, const row_sums& of, const view& d_table, segments& room);

} // namespace lagrange::ops::cuda
