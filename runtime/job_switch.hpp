/// \file
/// Switches of a job's policy as its config says them: the value of staleness.switch, and which
/// policies a job can be switched to at all.
#pragma once

#include "runtime/job.hpp"

#include <toml++/toml.h>

namespace lagrange::runtime {

/// Why this job cannot have that policy, a sentence; empty if it can. Requires: a policy.
std::string policy_problem(std::string_view policy, const job& x, const catalog& rows);
/// Why no job can be switched to it, a sentence; empty if one can.
std::string switch_problem(std::string_view policy, const catalog& rows);
/// Why this job cannot be switched to it.
std::string switch_problem(std::string_view policy, const job& x, const catalog& rows);

/// Reads a list like [{at = "epoch 1", to = "asp"}]. What is wrong with it; empty, and `out` is the
/// list, if nothing is.
std::string read_switches(const toml::node& found, const catalog& rows,
                          std::vector<switch_rule>& out);
/// The reverse, on one line.
std::string written_switches(const std::vector<switch_rule>& rules);

} // namespace lagrange::runtime
