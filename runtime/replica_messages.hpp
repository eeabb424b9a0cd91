/// \file
/// How a shard's replica takes its place, as control messages. The supervisor alone decides: it has
/// promoted a replica, or it has told the shard that this one will never be.
#pragma once

#include "runtime/membership.hpp"
#include "runtime/transport/endpoint.hpp"

namespace lagrange::runtime {

/// To the supervisor: from now on nothing leaves this shard that this replica does not have.
struct replica_follows {
  stamp from; ///< the shard
  actor_life who;
};

/// To a shard: this replica is gone, and was not promoted. Go on without it.
struct replica_loss {
  stamp from;
  actor_life who;
};

/// To a shard: this replica is up, and has nothing yet.
struct replica_found {
  stamp from;
  actor_life who;
  transport::address at;
};

/// To the supervisor: this shard has given up what its workers wait for, and they are to ask again.
struct replica_filling {
  stamp from;
};

/// To a replica: be this life of your shard. It answers by being up as that.
struct promotion {
  stamp self;
};

/// To workers: this shard goes on there.
struct shard_moved {
  actor_life who;
  transport::address at;
};

template <class Inspector>
auto inspect(Inspector& f, replica_follows& x) {
  return f(x.from, x.who);
}
template <class Inspector>
auto inspect(Inspector& f, replica_loss& x) {
  return f(x.from, x.who);
}
template <class Inspector>
auto inspect(Inspector& f, replica_found& x) {
  return f(x.from, x.who, x.at);
}
template <class Inspector>
auto inspect(Inspector& f, replica_filling& x) {
  return f(x.from);
}
template <class Inspector>
auto inspect(Inspector& f, promotion& x) {
  return f(x.self);
}
template <class Inspector>
auto inspect(Inspector& f, shard_moved& x) {
  return f(x.who, x.at);
}

} // namespace lagrange::runtime
