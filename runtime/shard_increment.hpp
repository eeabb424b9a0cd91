/// \file
/// States of shards that hold only some rows of their tables, those that changed since an earlier
/// cut, and how the others are added again.
#pragma once

#include "runtime/error.hpp"
#include "runtime/shard_state.hpp"

namespace lagrange::runtime {

/// Adds the rows that `x` leaves to `base`. Requires: a base with all of its rows.
/// Errors: bad_file, if that is not the state that `x` builds on.
error complete(shard_state& x, const shard_state& base);

} // namespace lagrange::runtime
