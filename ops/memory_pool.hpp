/// \file
/// Memory for the tensors of a step, which come and go in the same order step after step: what one
/// lets go the next of that size takes.
#pragma once

#include "ops/tensor.hpp"

#include <vector>

namespace lagrange::ops {

/// Used by one thread.
class memory_pool {
public:
  /// Uninitialised. Cost: allocates only if nothing that fits has been put back.
  tensor take(dtype type, const shape& extents);
  /// Takes memory back, unless somebody else still holds it.
  void put(tensor&& memory);

private:
  std::vector<tensor> free_; ///< as bytes, in order of their sizes
};

} // namespace lagrange::ops
