/// \file
/// The receiving half of a link inside a host. Large payloads are views of the sender's memory;
/// when the last view of a frame is gone, on whatever thread, the sender is told by one number in
/// shared memory. The views keep this object, and so the mappings, alive.
#pragma once

#include "runtime/transport/channel.hpp"
#include "runtime/transport/payload_block.hpp"
#include "runtime/transport/record.hpp"

#include <memory>
#include <mutex>

namespace lagrange::runtime::transport {

/// What a peer passes when a link inside a host begins: checked descriptors.
struct shared_memory_of_peer {
  descriptor channel_file;
  std::uint64_t room_bytes = 0;
  descriptor arena_file;
  std::uint64_t arena_bytes = 0;
  std::shared_ptr<const descriptor> doorbell;
};

class shared_inlet : public std::enable_shared_from_this<shared_inlet> {
public:
  /// Errors: throws device_error.
  shared_inlet(const shared_memory_of_peer& peer, std::uint64_t credit_bytes,
               std::shared_ptr<block_pool> memory);

  // ---- for the endpoint's thread
  enum class found : std::uint8_t { nothing, beat, frame };
  /// Takes the next record out of the ring; a frame to `to`, which is empty. Errors: bad_frame.
  result<found> next(frame& to);
  /// Rings if the sender waits for the room that next() has made.
  void tell_sender();
  /// From now on the sender rings. False: something has come meanwhile.
  bool lie_down();
  void get_up() { channel_.control().receiver_sleeps.store(0, std::memory_order_relaxed); }

private:
  class hold;

  result<void> open_frame(const record& x, const std::byte* body, frame& to);
  result<void> admit(const record& x);
  result<ops::tensor> view_of(std::uint64_t place, std::uint32_t bytes,
                              const std::shared_ptr<const void>& keeper) const;
  void let_go(std::uint32_t slot, std::uint64_t payload_bytes);

  const channel channel_;
  const mapping arena_;
  const std::uint64_t credit_bytes_;
  const std::shared_ptr<block_pool> memory_;
  const std::shared_ptr<const descriptor> doorbell_;
  std::uint64_t read_ = 0;
  std::uint64_t written_ = 0; ///< by the peer, as far as we have looked

  std::mutex mutex_; ///< of the rest
  std::uint64_t held_bytes_ = 0, held_frames_ = 0;
  std::uint64_t released_ = 0;
};

} // namespace lagrange::runtime::transport
