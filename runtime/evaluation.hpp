/// \file
/// How good parameters are: loss and hits over a whole data set.
#pragma once

#include "runtime/computation.hpp"
#include "runtime/data/dataset.hpp"

namespace lagrange::runtime {

/// Forward passes over all samples, in stored order. Requires: replies by shard, all of them.
ops::scores evaluate(computation& with, const dataset& samples,
                     std::span<const std::shared_ptr<const pull_reply>> parameters);

} // namespace lagrange::runtime
