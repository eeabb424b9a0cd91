#include "runtime/transport/channel.hpp"

#include <new>

namespace lagrange::runtime::transport {

namespace {

constexpr std::uint64_t control_bytes = 4096;
constexpr std::uint64_t released_bytes = channel::slots * sizeof(std::uint32_t);
constexpr std::uint64_t ring_offset = control_bytes + released_bytes;
constexpr std::uint64_t room_offset = ring_offset + limits::ring_bytes;
static_assert(sizeof(channel_control) <= control_bytes);
static_assert(ring_offset % 4096 == 0 && room_offset % 4096 == 0);
static_assert((limits::ring_bytes & (limits::ring_bytes - 1)) == 0);
static_assert((channel::slots & (channel::slots - 1)) == 0);

} // namespace

std::uint64_t channel::file_bytes(std::uint64_t room_bytes) { return room_offset + room_bytes; }

descriptor channel::make_file(std::uint64_t room_bytes) {
  return make_memory_file("lagrange-channel", file_bytes(room_bytes)); // zeros: all cursors at 0
}

channel::channel(const descriptor& file, std::uint64_t room_bytes, access how)
    : shared_(file, 0, ring_offset, access::write),
      ring_(mapping::mirrored(file, ring_offset, limits::ring_bytes, how)),
      room_(file, room_offset, room_bytes, how) {}

std::atomic_ref<std::uint32_t> channel::released(std::uint64_t cursor) const {
  auto* first = reinterpret_cast<std::uint32_t*>(shared_.data() + control_bytes);
  return std::atomic_ref<std::uint32_t>(first[cursor % slots]);
}

} // namespace lagrange::runtime::transport
