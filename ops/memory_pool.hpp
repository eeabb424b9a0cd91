/// \file
/// Memory for the tensors of a step, which come and go in the same order step after step: what one
/// lets go the next of that size takes.
#pragma once

#include "ops/processor.hpp"

#include <vector>

namespace lagrange::ops {

/// Used by one thread.
class memory_pool {
public:
  /// What is missing comes from `from`.
  explicit memory_pool(processor& from) : from_(from) {}
  /// Uninitialised. Cost: allocates only if nothing that fits has been put back.
  tensor take(dtype type, const shape& extents);
  /// Takes memory back, unless somebody else still holds it.
  void put(tensor&& memory);

private:
  processor& from_;
  std::vector<tensor> free_; ///< as bytes, in order of their sizes
};

} // namespace lagrange::ops
