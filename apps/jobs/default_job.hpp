/// \file
/// The job that `lagrange run` runs when it is given none: fashion-lenet.toml, put into the program
/// when it is built.
#pragma once

#include <string_view>

namespace lagrange {

/// The text of apps/jobs/fashion-lenet.toml.
std::string_view default_job();

} // namespace lagrange
