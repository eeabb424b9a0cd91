/// \file
/// The sizes that byte transports agree on. All limits of the tensor plane stand here, with
/// reasons.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lagrange::runtime::transport {

struct limits {
  /// Raised with every change that an older peer would misread. Others are refused at the greeting.
  static constexpr std::uint16_t protocol_version = 1;
  /// Payloads of one frame: more is cut into frames, so that nothing waits long behind it.
  static constexpr std::uint64_t frame_bytes_max = std::uint64_t{256} << 20;
  /// Of a frame on TCP: between two of them more urgent frames overtake. Larger writes gain
  /// nothing.
  static constexpr std::size_t chunk_bytes_max = std::size_t{1} << 20;
  /// TCP is read in pieces that stay in the core's cache until they are copied on.
  static constexpr std::size_t read_bytes = std::size_t{64} << 10;
  /// Frames with payloads that a receiver has not let go: bounds what many tiny ones cost besides
  /// their bytes. A whole push has no more frames.
  static constexpr std::uint32_t frames_held_max = 1u << 16;
  /// Queued frames of urgency control without payloads: they pass when bulk is stuck.
  static constexpr std::size_t control_bytes_max = std::size_t{4} << 20;
  /// Payloads up to this size travel inside the ring of shared memory.
  static constexpr std::size_t inline_bytes_max = std::size_t{8} << 10;
  /// The ring of one direction: many times its largest record.
  static constexpr std::size_t ring_bytes = std::size_t{1} << 20;
  /// What one call of send() writes at most before it leaves the rest to the endpoint's thread.
  static constexpr std::size_t turn_bytes = std::size_t{4} << 20;
  /// Memory that an endpoint keeps for frames to come, beyond what received ones hold.
  static constexpr std::size_t kept_bytes_max = std::size_t{64} << 20;
};

} // namespace lagrange::runtime::transport
