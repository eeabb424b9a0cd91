/// \file
/// The conformance kit for staleness policies: whole jobs of twins under one policy, by seed, with
/// slow, dying and joining workers on faulty links. The bound holds, nobody starves, nothing
/// deadlocks, dropped updates are counted. `lagrange check-policy` runs it.
///
/// Invariants: CL-1, CL-2, SH-1, SH-2, LE-1, EN-1.
#pragma once

#include "runtime/staleness/policy.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

/// Names of the row as a config would write them: with every few values of its arguments that it
/// accepts.
std::vector<std::string> specs_of(const policy_row& row);

/// An invariant that does not hold under a policy.
struct policy_breach {
  std::string invariant; ///< as in "CL-2"
  std::string text;
  std::uint64_t seed = 0; ///< of the job in which it broke
  std::uint64_t event = 0;
};
std::string to_string(const policy_breach& x);

/// Runs the jobs of `count` seeds from `first` on; the first breach, if there is one.
/// Requires: a spec that makes a policy of these rows.
std::optional<policy_breach> find_breach(std::span<const policy_row> rows, std::string_view spec,
                                         std::uint64_t first, std::uint64_t count);

} // namespace lagrange::runtime
