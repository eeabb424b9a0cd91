/// \file
/// The makers that policy.cpp's table points to; one file per policy defines each.
#pragma once

#include "runtime/spec.hpp"
#include "runtime/staleness/policy.hpp"

namespace lagrange::runtime {

using policy_arguments = std::span<const std::string_view>;

/// Bulk synchronous parallel: every round is one step. Paper: Valiant 1990.
result<std::unique_ptr<staleness_policy>> make_bsp(policy_arguments arguments);
/// Stale synchronous parallel: nobody runs more than a bound ahead. Paper: Ho et al. 2013.
result<std::unique_ptr<staleness_policy>> make_ssp(policy_arguments arguments);
/// Asynchronous parallel: nobody ever waits. Paper: Dean et al. 2012.
result<std::unique_ptr<staleness_policy>> make_asp(policy_arguments arguments);

/// The bound moves between two, by how fast workers are. Paper: Zhao et al. 2019.
result<std::unique_ptr<staleness_policy>> make_dssp(policy_arguments arguments);
/// A round waits for some of its leases and a grace. Papers: Chen et al. 2016, Decoupled DiLoCo
/// 2026.
result<std::unique_ptr<staleness_policy>> make_quorum(policy_arguments arguments);
/// Each waits for a few others, drawn anew every step. Paper: Wang et al. 2017.
result<std::unique_ptr<staleness_policy>> make_psp(policy_arguments arguments);

} // namespace lagrange::runtime
