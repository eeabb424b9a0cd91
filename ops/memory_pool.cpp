#include "ops/memory_pool.hpp"

#include <algorithm>

namespace lagrange::ops {

namespace {
// Memory is not taken for much less than it was made for, or the large ones would be used up.
constexpr std::size_t waste_max = 2;
} // namespace

tensor memory_pool::take(dtype type, const shape& extents) {
  const auto bytes = static_cast<std::size_t>(extents.elements()) * size_bytes(type);
  const auto found = std::ranges::lower_bound(free_, bytes, {}, &tensor::size_bytes);
  if (found == free_.end() || found->size_bytes() > waste_max * bytes) {
    auto made = from_.memory(bytes);
    free_.reserve(free_.size() + 1);
    return made.view(type, extents);
  }
  auto taken = found->view(type, extents);
  free_.erase(found);
  return taken;
}

void memory_pool::put(tensor&& memory) {
  auto mine = std::move(memory);
  if (mine.empty() || mine.is_shared()) return;
  auto whole = mine.whole();
  mine = {};
  const auto place = std::ranges::upper_bound(free_, whole.size_bytes(), {}, &tensor::size_bytes);
  free_.insert(place, std::move(whole));
}

} // namespace lagrange::ops
