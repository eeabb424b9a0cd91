/// \file
/// Links that delay, drop, repeat and reorder what crosses them, by seed: between actors, with the
/// interface of the actor behind, and under the hub of the tensor plane. Nobody can tell that they
/// are there.
#pragma once

#include "actors/interfaces.hpp"

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <set>

namespace lagrange::sim {

struct link_faults {
  double drop = 0;   ///< share of crossings, there and back alike
  double repeat = 0; ///< share of requests that cross twice
  std::chrono::milliseconds delay_max{0};
};

using random_source = std::shared_ptr<std::mt19937_64>;

actors::feeder_actor link_to(caf::actor_system& system, const actors::feeder_actor& behind,
                             link_faults faults, random_source random);

/// Carries the frames of a hub.
using crossing = std::shared_ptr<const std::function<void()>>;
using frames_actor =
    caf::typed_actor<caf::reacts_to<crossing>, caf::reacts_to<actors::tick_atom, std::uint64_t>>;
frames_actor frames_link(caf::actor_system& system, link_faults faults, random_source random);

/// How a compute actor takes its steps.
struct step_faults {
  std::chrono::milliseconds time_max{40};
  std::set<std::uint64_t> poison; ///< leases that kill whoever computes them
  std::set<std::uint64_t> hangs;  ///< leases whose first attempt never ends
};

/// A compute actor that computes at once and answers after a time drawn from [1, time_max].
actors::compute_actor slow_compute(caf::actor_system& system,
                                   std::shared_ptr<runtime::computation> computation,
                                   step_faults steps, random_source random);

} // namespace lagrange::sim

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::sim::crossing)
