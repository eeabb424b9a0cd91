/// \file
/// How the actors of a process get their endpoints on the tensor plane.
#pragma once

#include "actors/plane.hpp"
#include "runtime/transport/greeting.hpp"

namespace lagrange::apps {

/// Endpoints that meet inside this process, unless the job forces another way.
actors::plane_maker planes_of_process(const runtime::transport::security& with);

/// Endpoints that peers of this host reach through shared memory, and others by TCP at `ip`.
actors::plane_maker planes_of_host(const runtime::transport::security& with, std::string ip);

} // namespace lagrange::apps
