/// \file
/// A set of leases as a watermark with exceptions: all below the watermark are in, and so are the
/// few ranges above it. Its size is that of the disorder, not of the job.
#pragma once

#include "runtime/ids.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace lagrange::runtime {

class lease_set {
public:
  bool contains(lease_id id) const {
    if (id < watermark_) return true;
    const auto after = above_.upper_bound(id);
    return after != above_.begin() && id < std::prev(after)->second;
  }
  /// Of this lease and those behind it, so many. False: the first of them was there before, and
  /// nothing changes. Requires: ids that do not overflow.
  bool insert(lease_id first, std::uint32_t count = 1) {
    if (contains(first)) return false;
    auto begin = first;
    lease_id end{first.value + count};
    auto at = above_.upper_bound(begin);
    if (at != above_.begin() && std::prev(at)->second == begin) begin = (--at)->first;
    while (at != above_.end() && at->first <= end) {
      end = std::max(end, at->second);
      at = above_.erase(at);
    }
    if (begin == watermark_)
      watermark_ = end;
    else
      above_.emplace_hint(at, begin, end);
    return true;
  }
  std::uint64_t size() const {
    auto ids = watermark_.value;
    for (const auto& [begin, end] : above_) ids += end.value - begin.value;
    return ids;
  }
  lease_id watermark() const { return watermark_; }
  /// What is in above the watermark: ends of ranges by their begins, none of which touches another.
  const std::map<lease_id, lease_id>& above() const { return above_; }
  /// The set of which watermark() and above() say that. None: there is no such set, because ranges
  /// are empty, touch or overlap.
  static std::optional<lease_set> of(lease_id watermark,
                                     std::span<const std::pair<lease_id, lease_id>> above) {
    lease_set made;
    made.watermark_ = watermark;
    auto end = watermark;
    for (const auto& range : above) {
      if (range.first <= end || range.second <= range.first) return std::nullopt;
      made.above_.insert(made.above_.end(), range);
      end = range.second;
    }
    return made;
  }
  bool operator==(const lease_set&) const = default;
  /// Begins and ends of all that is in, ascending; none touches another.
  std::vector<std::pair<lease_id, lease_id>> ranges() const {
    std::vector<std::pair<lease_id, lease_id>> made(above_.begin(), above_.end());
    if (watermark_.value > 0) made.insert(made.begin(), {lease_id{}, watermark_});
    return made;
  }

private:
  lease_id watermark_;                 ///< the lowest lease that is not in
  std::map<lease_id, lease_id> above_; ///< ends of ranges by their begins; none touches another
};

} // namespace lagrange::runtime
