#include "runtime/staleness/policy.hpp"

#include "runtime/spec.hpp"
#include "runtime/staleness/rows.hpp"

namespace lagrange::runtime {

namespace {

constexpr policy_row table[] = {
    {"bsp", "", "every round of leases is one step; all wait for the slowest", make_bsp},
    {"ssp", "BOUND", "no worker reads more than BOUND steps ahead of the slowest", make_ssp},
    {"asp", "", "nobody waits; staleness is whatever happens", make_asp},
    {"dssp", "LOW:HIGH", "ssp:LOW, and up to HIGH where that shortens a wait", make_dssp},
    {"quorum", "N:GRACE", "a round is closed GRACE after N of its leases are in; late ones drop",
     make_quorum},
    {"psp", "BETA", "each step waits for BETA other workers, drawn anew", make_psp},
};

} // namespace

std::span<const policy_row> policies() { return table; }

result<std::unique_ptr<staleness_policy>> make_policy(std::span<const policy_row> rows,
                                                      std::string_view spec) {
  return make_from(rows, spec, "policy");
}

} // namespace lagrange::runtime
