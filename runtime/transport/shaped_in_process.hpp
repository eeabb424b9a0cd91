/// \file
/// An endpoint inside a process whose links have an injected shape. Nobody there looks at a clock,
/// so it has a thread that does.
#pragma once

#include "runtime/transport/in_process.hpp"
#include "runtime/transport/link_shape.hpp"

namespace lagrange::runtime::transport {

/// As hub::open. The thread of the endpoint calls `owner`, and keeps the order of each link.
/// Requires: a receiver and a hub that outlive the endpoint; a shape that is not empty.
std::unique_ptr<endpoint> open_shaped(hub& meeting, receiver& owner, link_shape shape);

} // namespace lagrange::runtime::transport
