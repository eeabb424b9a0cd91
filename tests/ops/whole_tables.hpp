/// \file
/// A network with tables as one without: for tests and laws that look at every parameter.
#pragma once

#include "ops/network.hpp"

#include <memory>

namespace lagrange::tests {

/// The same network, whose tables are weights in its flat vector: each pass takes out the rows that
/// it touches, and lays their gradients into one of zeros. `inner` itself if it has no tables.
std::unique_ptr<ops::network> with_whole_tables(std::unique_ptr<ops::network> inner);

} // namespace lagrange::tests
