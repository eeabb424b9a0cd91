/// \file
/// A link inside a host: memory that both processes map, a doorbell for those who sleep, and a Unix
/// socket whose end tells that the peer is gone.
#pragma once

#include "runtime/transport/arena.hpp"
#include "runtime/transport/link.hpp"
#include "runtime/transport/patience.hpp"
#include "runtime/transport/stream.hpp"

namespace lagrange::runtime::transport {

/// Passes memory to the peer at the other end of a greeted Unix socket, and makes the link.
/// Errors: bad_frame, peer_gone, timed_out, interrupted. Throws device_error.
result<std::shared_ptr<link>> make_shared_link(link_id id, std::unique_ptr<stream> over,
                                               std::shared_ptr<arena> own,
                                               std::shared_ptr<link_services> with,
                                               const patience& until);

} // namespace lagrange::runtime::transport
