/// \file
/// The kernels of half_kernels.hpp as plain loops: what stands in for oneDNN's on a CPU that has
/// none, so that everything around them runs.
#pragma once

#include "ops/half_kernels.hpp"

#include <memory>

namespace lagrange::tests {

struct plain_kernels_options {
  /// What is refused, as oneDNN may: by its place among a layer's products.
  enum class refusal : std::uint8_t { none, all, forward, weight, input } refused = refusal::none;
  std::shared_ptr<long> runs = std::make_shared<long>(0); ///< counts them
};

std::unique_ptr<const ops::half_kernels> plain_kernels(const plain_kernels_options& options = {});

} // namespace lagrange::tests
