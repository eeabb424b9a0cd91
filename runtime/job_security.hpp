/// \file
/// What the [security] table of a job asks for, as the transports take it.
#pragma once

#include "runtime/job.hpp"
#include "runtime/transport/greeting.hpp"

namespace lagrange::runtime {

/// The token is read from security.token_file, or drawn if none is named. TLS's files are checked.
/// Errors: bad_argument, one line for every problem, as parse_job.
result<transport::security> read_security(const job& x);

} // namespace lagrange::runtime
