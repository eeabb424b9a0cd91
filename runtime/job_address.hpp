/// \file
/// The address of this host in a job's text, that its nodes connect to.
#pragma once

#include <string>
#include <string_view>

namespace lagrange::runtime {

/// What is wrong with it; empty if nothing is that can be known without asking for it.
std::string listen_problem(std::string_view text);

} // namespace lagrange::runtime
