/// \file
/// A link between actors that delays, drops, repeats and reorders what crosses it, by seed. It has
/// the interface of the actor behind it, so nobody can tell that it is there.
#pragma once

#include "actors/interfaces.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>

namespace lagrange::sim {

struct link_faults {
  double drop = 0;   ///< share of crossings, there and back alike
  double repeat = 0; ///< share of requests that cross twice
  std::chrono::milliseconds delay_max{0};
};

using random_source = std::shared_ptr<std::mt19937_64>;

actors::shard_actor link_to(caf::actor_system& system, const actors::shard_actor& behind,
                            link_faults faults, random_source random);
actors::feeder_actor link_to(caf::actor_system& system, const actors::feeder_actor& behind,
                             link_faults faults, random_source random);

/// A compute actor that computes at once and answers after a time drawn from [1, time_max].
actors::compute_actor slow_compute(caf::actor_system& system,
                                   std::shared_ptr<runtime::computation> computation,
                                   std::chrono::milliseconds time_max, random_source random);

} // namespace lagrange::sim
