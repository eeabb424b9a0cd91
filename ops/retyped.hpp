/// \file
/// Views of floating-point numbers of one type read and written as those of another.
#pragma once

#include "ops/operation.hpp"

#include <memory>

namespace lagrange::ops {

/// y = x, rounded where y is narrower. Shapes: x, y alike, of memory of the host. Requires: one of
/// them is f32, or both are of one type.
void convert(const view& x, const view& y);

/// A view as elements of `type`: as it is where that is its type, else by a copy in memory that is
/// kept from pass to pass.
class retyped {
public:
  explicit retyped(dtype type) : type_(type) {}
  /// Valid until the next call.
  const void* read(const view& x);
  /// What read() returned for the same view, which has not changed.
  const void* read_again(const view& x) const { return x.type == type_ ? x.data : own_->data(); }
  /// Where elements are to be written, so that taken() can bring them to `y`.
  void* target(const view& y);
  void taken(const view& y);

private:
  view own(std::size_t count);
  dtype type_;
  std::unique_ptr<buffer> own_;
};

} // namespace lagrange::ops
