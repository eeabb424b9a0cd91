/// \file
/// The memory of one direction of a link inside a host, which the sender makes:
///
///     control    cursors and flags, which both write
///     released   a ring of slot numbers: frames whose payloads the receiver has let go
///     ring       records, each followed by what is small
///     room       where the sender copies payloads that lie in no arena
///
/// A frame in the ring is a record, and then, each at a multiple of 8 bytes: its slot (if it has
/// payloads), the place of each payload that is larger than inline_bytes_max, its head, and its
/// other payloads. `bytes_crc` covers slot, places and head.
///
/// Each side writes what the other trusts only after looking: cursors are checked against the sizes
/// and what is in the ring is copied out before it is checked.
#pragma once

#include "runtime/transport/limits.hpp"
#include "runtime/transport/memory_file.hpp"

#include <atomic>
#include <cstdint>

namespace lagrange::runtime::transport {

/// Cursors count up for ever; the sizes are powers of two.
struct channel_control {
  alignas(64) std::atomic<std::uint64_t> written{0};  ///< bytes, by the sender
  alignas(64) std::atomic<std::uint64_t> read{0};     ///< bytes, by the receiver
  alignas(64) std::atomic<std::uint64_t> released{0}; ///< slots, by the receiver
  /// Set by who is about to sleep, cleared by who then rings its doorbell. Between setting it and
  /// looking once more, and between writing a cursor and looking at it, all is in sequence
  /// (seq_cst), so one of the two always sees the other.
  alignas(64) std::atomic<std::uint32_t> receiver_sleeps{0};
  alignas(64) std::atomic<std::uint32_t> sender_waits{0};
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// Places are offsets into the sender's room, or with this bit into its arena.
constexpr std::uint64_t in_arena = std::uint64_t{1} << 63;

constexpr std::uint64_t padded_to_word(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

class channel {
public:
  static constexpr std::uint64_t slots = limits::frames_held_max;
  static std::uint64_t file_bytes(std::uint64_t room_bytes);
  /// Errors: throws device_error.
  static descriptor make_file(std::uint64_t room_bytes);

  /// As the sender has it (write), or the receiver (read): it cannot write ring and room.
  /// Requires: file_bytes(room_bytes) are in the file, sealed.
  channel(const descriptor& file, std::uint64_t room_bytes, access how);

  channel_control& control() const { return *reinterpret_cast<channel_control*>(shared_.data()); }
  std::atomic_ref<std::uint32_t> released(std::uint64_t cursor) const;
  /// The bytes of the ring at a cursor: as many as the ring has lie there without a gap.
  std::byte* ring_at(std::uint64_t cursor) const {
    return ring_.data() + cursor % limits::ring_bytes;
  }
  std::byte* room() const { return room_.data(); }
  std::uint64_t room_bytes() const { return room_.bytes(); }

private:
  mapping shared_, ring_, room_;
};

} // namespace lagrange::runtime::transport
