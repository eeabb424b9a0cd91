/// \file
/// Fork and exec of one child, for process.cpp, whose thread must be the one that calls it.
#pragma once

#include "apps/process.hpp"
#include "runtime/transport/descriptor.hpp"

namespace lagrange::apps {

using runtime::transport::descriptor;

struct spawned {
  pid_t pid = 0;
  descriptor handle; ///< a pidfd: readable when the child has ended
};

/// Starts a child as process_group describes. The child is killed when the calling thread ends.
/// Errors: those of process_group::start().
runtime::result<spawned> spawn(const std::vector<std::string>& arguments,
                               const process_options& options);

} // namespace lagrange::apps
