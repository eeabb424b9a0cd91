/// \file
/// A stream without encryption: the descriptor itself. Of a TCP or a Unix socket.
#pragma once

#include "runtime/transport/descriptor.hpp"
#include "runtime/transport/stream.hpp"

#include <memory>

namespace lagrange::runtime::transport {

/// Reads and writes never block, whatever the socket's own mode is, and never raise SIGPIPE.
/// Requires: a connected stream socket.
std::unique_ptr<stream> make_plain_stream(descriptor socket);

} // namespace lagrange::runtime::transport
