/// \file
/// An endpoint's memory that its peers on this host can read where it is. A tensor that was made
/// here is sent by saying where it lies, to any number of links, and stays until all let go of it.
#pragma once

#include "ops/tensor.hpp"
#include "runtime/transport/memory_file.hpp"
#include "runtime/transport/space.hpp"

#include <memory>
#include <mutex>
#include <optional>

namespace lagrange::runtime::transport {

/// Thread-safe. Lives until the last tensor of it is gone.
class arena : public std::enable_shared_from_this<arena> {
public:
  /// Errors: throws device_error.
  explicit arena(std::uint64_t bytes);
  /// Shapes: u8 [bytes]. None if there is no room.
  std::optional<ops::tensor> allocate(std::size_t bytes);
  /// Where the tensor lies in the file; none if it lies elsewhere, or readers could not read it up
  /// to the next multiple of 8.
  std::optional<std::uint64_t> offset_of(const ops::tensor& x) const;
  const descriptor& file() const { return file_; }

private:
  struct lease;
  const descriptor file_;
  const mapping memory_;
  std::mutex mutex_;
  space free_;
};

} // namespace lagrange::runtime::transport
