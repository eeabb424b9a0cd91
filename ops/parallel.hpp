/// \file
/// A loop over a large vector on several cores. Each element is computed as on one, so the bits are
/// the same whatever the number.
#pragma once

#include <cstddef>
#include <functional>

namespace lagrange::ops {

/// Cores of this machine that this process may use; at least 1.
int core_count();

/// Calls `work(first, count)` for parts of [0, elements) that together cover it once, at most
/// `threads` at a time. Below a size at which waking a core costs more than it does, one call.
/// Requires: work that may run for disjoint parts at the same time, and throws nothing.
void in_parts(std::size_t elements, int threads,
              const std::function<void(std::size_t first, std::size_t count)>& work);

} // namespace lagrange::ops
