/// \file
/// The verb `node` without a name: a process that a person starts, here or on another host, and
/// that becomes a worker of a running job.
///
/// Invariant: EN-1 (it ends with its job, and by itself when it is cut off from it).
#pragma once

#include "apps/door.hpp"
#include "runtime/catalog.hpp"

namespace lagrange {

struct join_options {
  apps::door_address at;
  std::string listen = "127.0.0.1"; ///< address that its own actor listens at
  runtime::transport::security security;
  const runtime::catalog* catalog = nullptr;
};

/// Hosts a worker until the job is over, or the worker is drained or given up. Returns the exit
/// status: 0 over or drained, 1 lost, 2 refused.
int run_join(const join_options& options);

} // namespace lagrange
