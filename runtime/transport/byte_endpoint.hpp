/// \file
/// Endpoints whose frames leave the process: through memory shared with peers on this host, by TCP
/// to all others. Each has one thread, which does all receiving and calls the receiver; frames are
/// written by whoever sends them, as far as they can be written at once.
///
/// Invariant: BP-1 (per link and direction at most `credit_bytes` of payload are under way or held
/// by the receiver, and at most `queue_bytes_max` wait).
#pragma once

#include "runtime/transport/endpoint.hpp"
#include "runtime/transport/greeting.hpp"
#include "runtime/transport/link_shape.hpp"

namespace lagrange::runtime::transport {

/// How peers may reach each other. A pair takes shared memory if both have it and share a host.
enum class byte_ways : std::uint8_t { both = 0, shared_memory, tcp };

struct byte_options {
  byte_ways ways = byte_ways::both;
  std::string ip = "127.0.0.1"; ///< that TCP listens on, and that peers connect to
  security with;
  /// Payload bytes on a link in one direction that the receiver has not let go.
  /// Requires: one whole push and one more frame fit, or receivers that wait for the rest of a push
  /// wait for ever; the same number in all endpoints that meet.
  std::uint64_t credit_bytes = std::uint64_t{8} << 20;
  /// Of what waits for a slow peer, framing included; 0: as much as the credit, and its framing.
  std::uint64_t queue_bytes_max = 0;
  /// Of allocate(). Untouched pages cost nothing; when it is used up, memory is ordinary.
  std::uint64_t arena_bytes = std::uint64_t{1} << 30;
  std::chrono::milliseconds connect_deadline{4000};
  std::chrono::milliseconds heartbeat_every{100};
  /// A peer is gone after 8 times the longest silence seen lately (pulse.hpp), within these.
  std::chrono::milliseconds silence_min{2000};
  std::chrono::milliseconds silence_max{10'000};
  /// Injected, of every link and both ways: what is sent leaves later, what comes is told later.
  link_shape shape{};
  /// How long the thread looks for more before it sleeps. A wake-up costs 20 to 35 us: with cores
  /// to spare 50 us are well spent; without, they are taken from those who compute.
  std::chrono::microseconds spin{0};
};

/// The thread of the endpoint calls `to`, which outlives it.
/// Errors: bad_argument (an address that is none of this host's, a number that makes no sense).
/// Throws device_error when the machine gives no memory, descriptor or thread.
result<std::unique_ptr<endpoint>> make_byte_endpoint(byte_options options, receiver& to);

} // namespace lagrange::runtime::transport
