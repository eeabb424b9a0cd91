/// \file
/// Messages as frames of the tensor plane: Cap'n Proto as schema/frame.capnp describes it, which
/// refers to tensors and copies none.
///
/// Frames from outside are not trusted: decode() checks every length, count, extent, enumerator and
/// type before it uses it, and allocates next to nothing.
#pragma once

#include "runtime/error.hpp"
#include "runtime/messages.hpp"
#include "runtime/shard_input.hpp"
#include "runtime/transport/frame.hpp"

#include <cstddef>
#include <cstdint>

namespace lagrange::runtime {

/// Raised with every change that an older reader would misread. Other versions are refused.
constexpr std::uint16_t protocol_version = 7;

/// What a frame may hold. A sender that breaks a limit has a bug; a receiver refuses the frame.
struct wire_limits {
  /// All of a shard's parameters fit; Cap'n Proto ends at 512 MiB.
  static constexpr std::size_t frame_bytes_max = std::size_t{256} << 20;
  /// A shard keeps a bit for each frame of a push: 8 KiB. At 1 MiB a frame this is 64 GiB.
  static constexpr std::uint32_t frames_max = 1u << 16;
  /// A shard keeps a gradient for each lease of a round.
  static constexpr std::uint32_t round_leases_max = 1u << 16;
  /// Ids of one lease: more than staleness.local_steps may be.
  static constexpr std::uint32_t lease_batches_max = 1u << 20;
  /// Ids of all leases of a job; their ends cannot overflow.
  static constexpr std::uint64_t lease_ids_max = std::uint64_t{1} << 62;
  /// Characters of a codec's name.
  static constexpr std::size_t codec_name_max = 64;
  /// Tables of a model: how many rows come of each is told in the head of a frame.
  static constexpr std::size_t tables_max = 32;
  /// Elements of a whole shard; positions in it cannot overflow.
  static constexpr std::uint64_t shard_elements_max = std::uint64_t{1} << 48;
};

/// The frame of a message, which shares its tensors: whoever sends it leaves them as they are.
/// Requires: a message that decode() would take, tensors on the CPU, at most frame_bytes_max.
/// Cost: under a microsecond, whatever the size.
transport::frame encode(const lease_request& message);
transport::frame encode(const lease_grant& message);
transport::frame encode(const pull_request& message);
transport::frame encode(const pull_reply& message);
transport::frame encode(const gradient_push& message);
transport::frame encode(const push_ack& message);
transport::frame encode(const snapshot_request& message);
transport::frame encode(const rejection& message);
transport::frame encode(const shard_input& message);
transport::frame encode(const input_ack& message);
transport::frame encode(const filling_piece& message);

/// The message in a frame. Its tensors are views of the frame's payloads.
/// Errors: bad_frame, naming the kind of frame, the field, what was found and what was expected.
/// Never throws because of what the bytes hold.
template <class T>
result<T> decode(const transport::frame& frame);
template <>
result<lease_request> decode<lease_request>(const transport::frame& frame);
template <>
result<lease_grant> decode<lease_grant>(const transport::frame& frame);
template <>
result<pull_request> decode<pull_request>(const transport::frame& frame);
template <>
result<pull_reply> decode<pull_reply>(const transport::frame& frame);
template <>
result<gradient_push> decode<gradient_push>(const transport::frame& frame);
template <>
result<push_ack> decode<push_ack>(const transport::frame& frame);
template <>
result<snapshot_request> decode<snapshot_request>(const transport::frame& frame);
template <>
result<rejection> decode<rejection>(const transport::frame& frame);
template <>
result<shard_input> decode<shard_input>(const transport::frame& frame);
template <>
result<input_ack> decode<input_ack>(const transport::frame& frame);
template <>
result<filling_piece> decode<filling_piece>(const transport::frame& frame);

/// What a frame says it is. The numbers are those of schema/frame.capnp.
enum class frame_kind : std::uint16_t {
  lease_grant = 0,
  pull_request,
  pull_reply,
  gradient_push,
  lease_request,
  push_ack,
  snapshot_request,
  rejection,
  shard_input,
  input_ack,
  shard_filling,
};
inline frame_kind kind_of(const transport::frame& x) { return static_cast<frame_kind>(x.kind); }
/// What a receiver says of a frame that it has no use for.
error unexpected(const transport::frame& frame);

} // namespace lagrange::runtime
