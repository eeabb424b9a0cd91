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

} // namespace lagrange::ops::cuda
