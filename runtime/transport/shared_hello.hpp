/// \file
/// How a link inside a host begins: over a Unix socket both sides pass the descriptors of what they
/// share, and say hello. Afterwards the socket says nothing any more, until its end tells at once
/// that the peer died.
#pragma once

#include "runtime/transport/patience.hpp"
#include "runtime/transport/shared_inlet.hpp"

namespace lagrange::runtime::transport {

/// What this side passes; it stays the owner.
struct shared_offer {
  const descriptor& channel_file;
  const descriptor& arena_file;
  const descriptor& doorbell;
  std::uint64_t credit_bytes = 0;
};

/// Errors: bad_frame, peer_gone, timed_out, interrupted.
result<shared_memory_of_peer> exchange_memory(const stream& with, const shared_offer& mine,
                                              const patience& until);

} // namespace lagrange::runtime::transport
