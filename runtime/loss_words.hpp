/// \file
/// What became of leases when workers died, in words for people.
#pragma once

#include "runtime/lease_deaths.hpp"

#include <span>
#include <string>

namespace lagrange::runtime {

/// As in "lease 881 dealt again", or "no lease was open".
std::string dealt_again_text(std::span<const lease_id> leases);
/// As in "lease 881 is set aside: worker-0 (incarnation 1) and ... died with it; its samples of
/// epoch 3 are 17, 204, ...".
std::string set_aside_text(const lease_set_aside& x);

} // namespace lagrange::runtime
