#include "ops/cuda/segments.hpp"

#include <algorithm>
#include <numeric>

namespace lagrange::ops::cuda {

void make_segments(std::span<const std::int32_t> ids, segments& made) {
  made.ids.clear();
  made.starts.clear();
  made.order.resize(ids.size());
  std::iota(made.order.begin(), made.order.end(), 0);
  const auto id_of = [&](std::int32_t token) { return ids[static_cast<std::size_t>(token)]; };
  // Ties by token: the same order as a stable sort, which would ask for memory.
  std::ranges::sort(made.order, [&](std::int32_t a, std::int32_t b) {
    return id_of(a) != id_of(b) ? id_of(a) < id_of(b) : a < b;
  });
  for (std::size_t i = 0; i < made.order.size(); ++i) {
    const auto id = id_of(made.order[i]);
    if (!made.ids.empty() && made.ids.back() == id) continue;
    made.ids.push_back(id);
    made.starts.push_back(static_cast<std::int32_t>(i));
  }
  made.starts.push_back(static_cast<std::int32_t>(made.order.size()));
}

void make_row_segments(std::span<const std::int32_t> ids, std::int64_t rows, segments& made) {
  const auto is_row = [rows](std::int32_t id) { return id >= 0 && id < rows; };
  made.ids.clear();
  made.starts.assign(static_cast<std::size_t>(rows) + 1, 0);
  for (const auto id : ids)
    if (is_row(id)) ++made.starts[static_cast<std::size_t>(id) + 1];
  std::partial_sum(made.starts.begin(), made.starts.end(), made.starts.begin());
  made.order.resize(static_cast<std::size_t>(made.starts.back()));
  // Each row's start goes up to its end, which is the next one's start, and moves back then.
  for (std::size_t token = 0; token < ids.size(); ++token)
    if (is_row(ids[token]))
      made.order[static_cast<std::size_t>(made.starts[static_cast<std::size_t>(ids[token])]++)] =
          static_cast<std::int32_t>(token);
  std::shift_right(made.starts.begin(), made.starts.end(), 1);
  made.starts[0] = 0;
}

} // namespace lagrange::ops::cuda
