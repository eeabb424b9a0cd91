/// \file
/// Where a worker's residual lives: in a file in memory that its supervisor holds, too, so that it
/// outlives the worker's process and no name of it is ever left.
#pragma once

#include "runtime/push_encoder.hpp"
#include "runtime/transport/descriptor.hpp"

#include <sys/types.h>

#include <string>

namespace lagrange::apps {

/// One that holds what is given, which may be nothing. Errors: throws device_error.
runtime::transport::descriptor make_residual_file(const std::string& worker,
                                                  std::span<const std::byte> begun = {});

/// Where another process of this user finds it as a file, as long as this process holds it.
std::string path_of(const runtime::transport::descriptor& file);

/// The one that another process of this user keeps the worker's residual in; empty: it keeps none.
runtime::transport::descriptor find_residual_file(pid_t process, const std::string& worker);

/// Keeps a residual in the file at `path`, which grows to the size that it needs at first.
/// Errors (when it is asked for memory): throws device_error.
runtime::memory_keeper keep_in(std::string path);

} // namespace lagrange::apps
