/// \file
/// How rounds that do not wait for all their leases are closed: each shard asks the feeder which
/// leases a round is made of, and the feeder, which hears from all shards what is in, answers once
/// it has decided. So every shard drops the same ones.
#pragma once

#include "runtime/messages.hpp"

#include <vector>

namespace lagrange::runtime {

/// From a shard: answered when the round is closed.
struct round_request {
  stamp from;
  std::uint64_t round = 0;
};

/// What a round is made of. Every lease of the round that was dealt is in one of the two.
struct round_closing {
  stamp from;
  std::uint64_t round = 0;
  std::vector<lease_id> members;  ///< every shard has them; ascending
  std::vector<lease_id> excluded; ///< to be dropped, whether they are in or not; ascending
};

template <class Inspector>
auto inspect(Inspector& f, round_request& x) {
  return f(x.from, x.round);
}
template <class Inspector>
auto inspect(Inspector& f, round_closing& x) {
  return f(x.from, x.round, x.members, x.excluded);
}

} // namespace lagrange::runtime
