/// \file
/// The published snapshot of a shard's parameters: an immutable copy that any number of pulls
/// share, made at most once a version, in memory that is used again when its readers are done.
#pragma once

#include "ops/tensor.hpp"
#include "runtime/ids.hpp"

#include <functional>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// Gives memory of that many bytes, as u8 [bytes]: the transport's, so that peers on this host read
/// what is in it without a copy.
using allocator = std::function<ops::tensor(std::size_t bytes)>;

class snapshot {
public:
  /// Without an allocator: ordinary memory.
  explicit snapshot(allocator from = {}) : allocate_(std::move(from)) {}

  /// The copy of `parameters`, which are at `version`.
  /// Shapes: parameters [n] -> f32 [n]. Cost: a copy, if this version is asked for the first time.
  const ops::tensor& publish(std::span<const float> parameters, shard_version version);

private:
  ops::tensor fresh(std::size_t elements) const;

  allocator allocate_;
  ops::tensor current_;
  shard_version version_; ///< of current_
  std::vector<ops::tensor> retired_;
};

} // namespace lagrange::runtime
