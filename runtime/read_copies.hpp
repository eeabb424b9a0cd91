/// \file
/// The parameters that workers were given and have not answered with a push yet: what a late
/// gradient is compensated by. A part of the shard's twin.
///
/// Invariant: BP-1 (a few copies a worker; they share memory with what was published).
#pragma once

#include "ops/tensor.hpp"
#include "runtime/ids.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace lagrange::runtime {

class read_copies {
public:
  void note(worker_id by, shard_version version, const ops::tensor& parameters) {
    auto& own = copies_[by];
    if (!own.empty() && own.back().version == version) return;
    if (own.size() == copies_max) own.erase(own.begin());
    own.push_back({version, parameters});
  }
  /// What `by` read for its push; older copies are given up. Empty: it is not there any more,
  /// because the worker asked many times for the parameters of one step.
  ops::tensor find(worker_id by, shard_version version) {
    auto& own = copies_[by];
    std::erase_if(own, [&](const copy& each) { return each.version < version; });
    if (own.empty() || own.front().version != version) return {};
    return own.front().parameters;
  }
  void forget(worker_id by) { copies_.erase(by); }

private:
  struct copy {
    shard_version version;
    ops::tensor parameters; ///< f32 [n]
  };
  /// One that is computed with, one for the next step, and a few that got lost on their way.
  static constexpr std::size_t copies_max = 6;
  std::map<worker_id, std::vector<copy>> copies_; ///< by version
};

} // namespace lagrange::runtime
