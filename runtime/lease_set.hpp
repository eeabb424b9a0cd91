/// \file
/// A set of leases as a watermark with exceptions: all below the watermark are in, and so are the
/// few listed above it. Its size is that of the disorder, not of the job.
#pragma once

#include "runtime/ids.hpp"

#include <set>

namespace lagrange::runtime {

class lease_set {
public:
  bool contains(lease_id id) const { return id < watermark_ || above_.contains(id); }
  /// False: it was there before.
  bool insert(lease_id id) {
    if (contains(id)) return false;
    above_.insert(id);
    while (!above_.empty() && *above_.begin() == watermark_) {
      above_.erase(above_.begin());
      watermark_ = watermark_.next();
    }
    return true;
  }
  std::uint64_t size() const { return watermark_.value + above_.size(); }
  lease_id watermark() const { return watermark_; }

private:
  lease_id watermark_; ///< the lowest lease that is not in
  std::set<lease_id> above_;
};

} // namespace lagrange::runtime
