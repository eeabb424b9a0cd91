/// \file
/// The sending half of a link inside a host. Belongs to whoever has the link's turn to write.
#pragma once

#include "runtime/transport/arena.hpp"
#include "runtime/transport/channel.hpp"
#include "runtime/transport/outbox.hpp"
#include "runtime/transport/record.hpp"

#include <boost/container/small_vector.hpp>

#include <memory>
#include <vector>

namespace lagrange::runtime::transport {

class shared_outlet {
public:
  /// `file` is a channel's, with `room_bytes` of room.
  shared_outlet(const descriptor& file, std::uint64_t room_bytes, std::shared_ptr<arena> own,
                std::shared_ptr<const descriptor> peers_doorbell);

  /// What put() takes in the ring and beside it.
  static std::uint64_t wire_bytes(const frame& what);
  /// False: there is no room now. Errors: bad_frame (the peer's cursors are wrong).
  result<bool> put(const frame& what);
  result<bool> put_beat();

  /// What the peer has let go of since it was asked.
  struct returned {
    std::uint64_t bytes = 0, frames = 0;
  };
  /// Errors: bad_frame (the peer lets go of what it does not have).
  result<returned> reclaim();

  /// From now on the peer rings when it makes room: whoever asks looks once more.
  void ask_to_ring() { channel_.control().sender_waits.store(1); }
  /// The peer has rung since. From any thread.
  bool has_been_rung() const { return channel_.control().sender_waits.load() == 0; }

private:
  using place = std::uint64_t;
  /// What is kept until the peer lets go of a frame.
  struct slot {
    bool is_used = false;
    std::uint64_t payload_bytes = 0;
    boost::container::small_vector<ops::tensor, 2> tensors; ///< in the arena
    boost::container::small_vector<std::pair<std::uint64_t, std::uint64_t>, 2> blocks; ///< room
  };

  result<bool> has_ring_room(std::uint64_t bytes);
  bool place_payloads(const frame& what, slot& in);
  void write(const frame& what, std::uint32_t slot_number);
  void publish(std::uint64_t bytes);
  std::uint32_t free_slot();
  void empty(slot& x);

  const channel channel_;
  space room_;
  const std::shared_ptr<arena> arena_;
  const std::shared_ptr<const descriptor> peers_doorbell_;
  std::uint64_t written_ = 0, released_ = 0;
  std::uint64_t read_ = 0; ///< by the peer, as far as we have looked
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  boost::container::small_vector<place, frame::payloads_max> places_; ///< of the frame being put
};

} // namespace lagrange::runtime::transport
