/// \file
/// How nodes get the job's token from their supervisor: as a file that they inherit.
#pragma once

#include "runtime/transport/descriptor.hpp"
#include "runtime/transport/greeting.hpp"

namespace lagrange::apps {

using runtime::transport::descriptor;

/// What a child reads the token from, whose stdin is hold_token().
constexpr auto inherited_token_file = "/proc/self/fd/0";

/// A file in memory that holds the token and cannot be changed. Arguments and environments of
/// processes can be read by others and end up in logs, and a file on a disk outlives a killed job;
/// this one is gone with the last process that has it.
/// Errors: throws device_error.
descriptor hold_token(const runtime::transport::job_token& token);

} // namespace lagrange::apps
