/// \file
/// Weights between the order of parameters and the order that a primitive of oneDNN chose for
/// itself.
#pragma once

#include "ops/primitive.hpp"

#include <optional>

namespace lagrange::ops {

class weight_order {
public:
  /// Does nothing where the two are the same.
  weight_order(const dnnl::memory::desc& from, const dnnl::memory::desc& to,
               const dnnl::engine& engine);
  /// What a primitive reads for these parameters.
  const void* read(const void* plain);
  /// Where a primitive writes, so that taken() can bring it to `plain`.
  void* target(void* plain);
  void taken(void* plain);

private:
  std::optional<kept_primitive> reorder_;
  std::unique_ptr<buffer> own_;
};

} // namespace lagrange::ops
