#include "runtime/transport/space.hpp"

#include "runtime/transport/size_class.hpp"

#include <algorithm>
#include <iterator>

namespace lagrange::runtime::transport {

namespace {

constexpr std::uint64_t least_bytes = 256; // so that the classes are multiples of 64

std::uint64_t rounded(std::uint64_t bytes) { return size_class(bytes, least_bytes); }

} // namespace

std::optional<std::uint64_t> space::take(std::uint64_t bytes) {
  const auto size = rounded(bytes);
  if (const auto found = freed_.find(size); found != freed_.end() && !found->second.empty()) {
    const auto offset = found->second.back();
    found->second.pop_back();
    return offset;
  }
  if (const auto offset = carve(size)) return offset;
  merge();
  return carve(size);
}

void space::give(std::uint64_t offset, std::uint64_t bytes) {
  freed_[rounded(bytes)].push_back(offset);
}

std::optional<std::uint64_t> space::carve(std::uint64_t bytes) {
  // The lowest that fits: what lives long gathers at the bottom, and the top stays whole.
  const auto fits = std::find_if(parts_.begin(), parts_.end(),
                                 [&](const auto& part) { return part.second >= bytes; });
  if (fits == parts_.end()) return std::nullopt;
  const auto [offset, size] = *fits;
  parts_.erase(fits);
  if (size > bytes) parts_.emplace(offset + bytes, size - bytes);
  return offset;
}

void space::merge() {
  for (auto& [size, offsets] : freed_) {
    for (const auto offset : offsets) parts_.emplace(offset, size);
    offsets.clear();
  }
  for (auto part = parts_.begin(); part != parts_.end();) {
    const auto next = std::next(part);
    if (next != parts_.end() && part->first + part->second == next->first) {
      part->second += next->second;
      parts_.erase(next);
    } else {
      part = next;
    }
  }
}

} // namespace lagrange::runtime::transport
