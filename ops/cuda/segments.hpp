/// \file
/// Which tokens of a batch have which id, for the gradient of an embedding: its rows are sums over
/// the tokens that took them, in the order of the tokens. Made on the CPU, where batches come from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lagrange::ops::cuda {

/// Segment s is order[starts[s]] to order[starts[s + 1] - 1]: the tokens with ids[s], ascending.
struct segments {
  std::vector<std::int32_t> ids; ///< ascending, each once
  std::vector<std::int32_t> order;
  std::vector<std::int32_t> starts; ///< one more than there are segments
};

/// Writes over `made`, whose memory is used again.
void make_segments(std::span<const std::int32_t> ids, segments& made);

/// The same with a segment for every row of a table, empty where no token took it, so that the sums
/// are a dense gradient. Tokens with an id of no row are in none. `made.ids` stays empty.
/// Cost: a pass over tokens and rows.
void make_row_segments(std::span<const std::int32_t> ids, std::int64_t rows, segments& made);

} // namespace lagrange::ops::cuda
