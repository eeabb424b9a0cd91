/// \file
/// The tensor plane of a simulation: frames cross it in virtual time, by the latency and bandwidth
/// of the links at both ends. Control frames are small and wait for nobody; all others queue at the
/// sender's link, in the order in which they were sent, and then at the receiver's.
#pragma once

#include "actors/plane.hpp"
#include "actors/simulation/event_loop.hpp"
#include "runtime/transport/in_process.hpp"
#include "runtime/virtual_times.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace lagrange::actors::simulation {

/// The link of the actor of this name.
using link_plan = std::function<runtime::link_times(runtime::actor_name)>;

class virtual_network {
public:
  /// Requires: an id as hub takes it.
  virtual_network(event_loop& events, link_plan links, std::uint64_t id);

  /// Requires: a network that outlives the endpoints.
  plane_maker planes();

private:
  /// An endpoint's link, and when it will have carried what it has taken.
  struct port {
    runtime::link_times times;
    runtime::time_point out_free{}, in_free{};
  };

  port& at(std::uint64_t number);
  void carry(const runtime::transport::crossing& what, std::function<void()> deliver);
  void arrive(const runtime::transport::crossing& what, std::function<void()> deliver);

  event_loop& events_;
  link_plan links_;
  std::vector<port> ports_; ///< by endpoint
  runtime::transport::hub hub_;
};

} // namespace lagrange::actors::simulation
