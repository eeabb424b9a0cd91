/// \file
/// Nesterov's momentum for updates that come one by one from several workers: each update moves the
/// parameters at once, and the momentum moves, and moves them, once in so many updates.
#pragma once

#include "ops/optimizer.hpp"

namespace lagrange::ops {

struct delayed_nesterov_options {
  float rate = 0.7F;
  float momentum = 0.9F;
  std::uint32_t every = 1; ///< updates for one of the momentum; 1: the law of nesterov
};

/// With d the update, scaled, N = every, and s the sum of updates since the momentum moved:
/// p -= rate * d / N, and at every Nth update u = momentum * u + s / N, p -= rate * momentum * u,
/// s = 0.
/// Paper: Liu et al.: Asynchronous Local-SGD Training for Language Modeling (2024), algorithm 2
/// with its momentum activation c = 0.
/// Errors: throws std::invalid_argument, naming the option and what was expected.
std::unique_ptr<optimizer> make_delayed_nesterov(std::size_t elements,
                                                 const delayed_nesterov_options& options);

} // namespace lagrange::ops
