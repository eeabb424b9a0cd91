#include "runtime/snapshot.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {
/// Copies kept to be used again: one being read by each of a few workers, one being made.
constexpr std::size_t retired_max = 8;
} // namespace

ops::tensor snapshot::fresh(std::size_t elements) const {
  const ops::shape extents{static_cast<std::int64_t>(elements)};
  if (!allocate_) return {ops::dtype::f32, extents};
  return allocate_(elements * sizeof(float)).view(ops::dtype::f32, extents);
}

const ops::tensor& snapshot::publish(std::span<const float> parameters, shard_version version) {
  if (!current_.empty() && version_ == version) return current_;
  if (!current_.empty()) retired_.push_back(std::move(current_));
  const auto free =
      std::ranges::find_if(retired_, [](const ops::tensor& old) { return !old.is_shared(); });
  if (free != retired_.end()) {
    current_ = std::move(*free);
    retired_.erase(free);
  } else {
    current_ = fresh(parameters.size());
    if (retired_.size() > retired_max) retired_.erase(retired_.begin());
  }
  std::ranges::copy(parameters, current_.values<float>().begin());
  version_ = version;
  return current_;
}

} // namespace lagrange::runtime
