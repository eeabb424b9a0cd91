/// \file
/// Sockets that listen and sockets that are connected, before anybody greets: TCP, and Unix sockets
/// in the abstract namespace (no file to leave behind), which only processes of one user share.
#pragma once

#include "runtime/error.hpp"
#include "runtime/transport/descriptor.hpp"

#include <chrono>
#include <string>

namespace lagrange::runtime::transport {

/// Port 0: any. Errors: bad_argument, naming the address.
result<descriptor> listen_at(const std::string& ip, std::uint16_t port);
/// Errors: bad_argument, naming the name.
result<descriptor> listen_at(const std::string& name);

/// Errors: bad_argument (no such address), peer_gone (nobody listens), timed_out.
/// Cost: a host's name, where one is given, is looked up without regard to the deadline.
result<descriptor> connect_to(const std::string& ip, std::uint16_t port,
                              std::chrono::steady_clock::time_point deadline);
/// Errors: bad_argument, peer_gone (nobody listens), timed_out, fenced (another user does).
result<descriptor> connect_to(const std::string& name,
                              std::chrono::steady_clock::time_point deadline);

/// The next connection, or none: nobody is there any more, it is another user's, or the process has
/// no descriptor left.
descriptor accept_from(const descriptor& listening);

/// This side's, of a TCP socket that listens or is connected; 0 of a Unix socket.
std::uint16_t port_of(int socket);

} // namespace lagrange::runtime::transport
