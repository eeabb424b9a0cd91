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
  /// Views of them, which hold `keeper` for as long as any of them is there; this object is empty
  /// afterwards. The memory is the pool's again before the keeper is let go.
  void move_to(frame& what, std::shared_ptr<const void> keeper);

private:
  static constexpr std::uint64_t alignment = 64;
  block memory_;
  std::size_t count_ = 0;
  std::uint64_t bytes_ = 0;
  std::array<std::uint32_t, frame::payloads_max> sizes_{};
  std::array<std::uint64_t, frame::payloads_max> offsets_{};
};

} // namespace lagrange::runtime::transport
