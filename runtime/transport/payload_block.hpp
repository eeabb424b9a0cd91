/// \file
/// The payloads of a received frame, in one block of memory.
#pragma once

#include "runtime/transport/block_pool.hpp"
#include "runtime/transport/frame.hpp"

#include <array>
#include <memory>
#include <span>

namespace lagrange::runtime::transport {

class payload_block {
public:
  payload_block() = default;
  /// Room for payloads of `sizes` bytes. Requires: at most frame::payloads_max of them.
  payload_block(block_pool& memory, std::span<const std::uint32_t> sizes);
  std::size_t count() const { return count_; }
  std::span<std::byte> operator[](std::size_t payload) const;
  /// The memory itself, for the keeper of the views to come.
  block take_memory() { return std::move(memory_); }
  /// From now on there may be views. Requires: `keeper` has the memory.
  void share(std::shared_ptr<const void> keeper) {
    shared_ = std::make_shared<ops::buffer>(data_, bytes_, std::move(keeper));
  }
  /// Shapes: u8 [size of that payload]. Requires: share() was called.
  ops::tensor view(std::size_t payload) const;

private:
  static constexpr std::uint64_t alignment = 64;
  block memory_;
  std::byte* data_ = nullptr;
  std::shared_ptr<ops::buffer> shared_;
  std::size_t count_ = 0;
  std::uint64_t bytes_ = 0;
  std::array<std::uint32_t, frame::payloads_max> sizes_{};
  std::array<std::uint64_t, frame::payloads_max> offsets_{};
};

} // namespace lagrange::runtime::transport
