/// \file
/// Which leases workers died with, and which of those are set aside for it. A part of the feeder's
/// twin: a batch that kills whoever computes it would otherwise end the job, or go on for ever.
///
/// A death counts against what its worker may have computed just then. That can be more than one
/// lease, so one that somebody died with is a suspect, and the feeder deals it alone from then on:
/// the next death has one suspect, and who is none is cleared by being computed.
///
/// Invariant: LE-1 (a lease that is set aside is settled as dropped by every shard, and told of).
#pragma once

#include "runtime/ids.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace lagrange::runtime {

/// A lease that nobody computes any more.
struct lease_set_aside {
  lease_id what;
  std::uint32_t epoch = 0;
  std::vector<std::uint32_t> samples; ///< positions in the data set
  std::vector<actor_life> died;       ///< with it, in order
};

template <class Inspector>
auto inspect(Inspector& f, lease_set_aside& x) {
  return f(x.what, x.epoch, x.samples, x.died);
}

class lease_deaths {
public:
  /// So many deaths set a lease aside; 0: none ever is.
  explicit lease_deaths(std::uint32_t most) : most_(most) {}

  /// True: that was the last one that it may have, and it is set aside from now on.
  bool note(lease_id what, actor_life who) {
    auto& died = died_[what];
    died.push_back(who);
    return most_ > 0 && died.size() == most_;
  }
  bool is_suspect(lease_id what) const { return most_ > 0 && died_.contains(what); }
  bool is_set_aside(lease_id what) const {
    const auto found = died_.find(what);
    return most_ > 0 && found != died_.end() && found->second.size() >= most_;
  }
  /// Requires: a suspect.
  const std::vector<actor_life>& of(lease_id what) const { return died_.at(what); }
  /// It is closed.
  void forget(lease_id what) { died_.erase(what); }
  bool empty() const { return died_.empty(); }

private:
  std::uint32_t most_;
  std::map<lease_id, std::vector<actor_life>> died_;
};

} // namespace lagrange::runtime
