/// \file
/// A frame on its way in by TCP: where its next bytes belong. Its payloads lie in one block of
/// memory, which is taken when the frame begins and credit has been found to cover it.
#pragma once

#include "runtime/transport/packing.hpp"
#include "runtime/transport/payload_block.hpp"
#include "runtime/transport/record.hpp"

#include <memory>
#include <span>

namespace lagrange::runtime::transport {

class arriving {
public:
  /// Nothing is on its way.
  bool is_idle() const { return left_ == 0 && !is_begun_; }
  /// Requires: a checked record of type frame, whose payloads the credit covers.
  void begin(const record& from, block_pool& memory);
  /// Bytes that the frame still takes from the wire.
  std::uint64_t left() const { return left_; }
  /// Where the next bytes may be received to without a copy; empty: hand them to take().
  std::span<std::byte> direct();
  /// So many have been received to direct().
  void advance(std::size_t bytes);
  /// The frame's next bytes, which lie elsewhere. Errors: bad_frame.
  result<void> take(std::span<const std::byte> bytes);
  /// That all has come is right. Errors: bad_frame (packed payloads that are too short).
  result<void> check_whole();
  bool has_payloads() const { return payloads_.count() > 0; }
  /// Of the payloads, for their keeper.
  block take_memory() { return payloads_.take_memory(); }
  /// The whole frame. Requires: `keeper` has the memory, if there are payloads.
  frame finish(std::shared_ptr<const void> keeper);

private:
  std::span<std::byte> place();
  result<void> unpack(std::span<const std::byte> bytes);

  frame what_;
  payload_block payloads_;
  std::uint64_t left_ = 0;
  std::size_t next_ = 0;   ///< 0: the head is being filled; n: payload n - 1
  std::size_t filled_ = 0; ///< bytes of that
  bool is_begun_ = false, is_packed_ = false;
  std::unique_ptr<unpacker> unpacker_; ///< made when the first packed frame comes
};

} // namespace lagrange::runtime::transport
