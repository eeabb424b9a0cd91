/// \file
/// A link over a stream: TCP, with TLS inside or without.
#pragma once

#include "runtime/transport/link.hpp"
#include "runtime/transport/record.hpp"
#include "runtime/transport/stream.hpp"

#include <memory>

namespace lagrange::runtime::transport {

/// Over a stream on which both sides have said hello (hello.hpp), and found what is to be checked.
std::shared_ptr<link> make_tcp_link(link_id id, std::unique_ptr<stream> over, checksums of,
                                    std::shared_ptr<link_services> with);

} // namespace lagrange::runtime::transport
