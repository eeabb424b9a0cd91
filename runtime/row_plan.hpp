/// \file
/// Which rows of the tables a lease needs, and of which shard. A worker knows them as soon as it
/// has the batch: what is drawn depends on nothing but (seed, lease, attempt).
#pragma once

#include "ops/network.hpp"
#include "runtime/table_split.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace lagrange::runtime {

/// The key of a step's random numbers: the same for the same attempt, whoever computes it.
std::uint64_t step_key(std::uint64_t seed, const lease& what);

struct row_plan {
  ops::touched_rows touched;
  std::vector<table_rows> wanted; ///< by shard
};

/// Makes the plan of a lease whose batch has come. Called by one thread at a time.
using plan_maker =
    std::function<std::shared_ptr<const row_plan>(const lease& what, const batch& samples)>;

/// `network` is the planner's own and needs no parameters. Plans use the memory of those that
/// nobody holds any more.
plan_maker make_planner(std::unique_ptr<ops::network> network, const table_split& split,
                        std::uint64_t seed);

} // namespace lagrange::runtime
