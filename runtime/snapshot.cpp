#include "runtime/snapshot.hpp"

#include "runtime/permutation.hpp"

#include <algorithm>
#include <utility>

namespace lagrange::runtime {

namespace {
/// Of the copies kept to be used again, so many are looked at, anywhere among them, for one that
/// nobody reads any more: with thousands of readers that costs less than to look at all. None is
/// given back: small things would take pieces of its memory, and the next copy would not fit there.
constexpr std::size_t looks_max = 16;
} // namespace

ops::tensor snapshot::fresh(std::size_t elements) const {
  const ops::shape extents{static_cast<std::int64_t>(elements)};
  if (!allocate_) return {ops::dtype::f32, extents};
  return allocate_(elements * sizeof(float)).view(ops::dtype::f32, extents);
}

const ops::tensor& snapshot::publish(std::span<const float> parameters, shard_version version) {
  if (!current_.empty() && version_ == version) return current_;
  if (!current_.empty()) retired_.push_back(std::move(current_));
  current_ = {};
  for (std::size_t look = 0; look < std::min(looks_max, retired_.size()); ++look) {
    auto& old = retired_[mix(version.value * looks_max + look) % retired_.size()];
    if (old.is_shared()) continue;
    current_ = std::exchange(old, std::move(retired_.back()));
    retired_.pop_back();
    break;
  }
  if (current_.empty()) current_ = fresh(parameters.size());
  std::ranges::copy(parameters, current_.values<float>().begin());
  version_ = version;
  return current_;
}

} // namespace lagrange::runtime
