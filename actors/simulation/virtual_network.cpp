#include "actors/simulation/virtual_network.hpp"

#include <algorithm>

namespace lagrange::actors::simulation {

using namespace runtime;
using transport::crossing;

namespace {

/// When a link that is free from `free` on has carried what comes at `now`.
time_point carried(const link_times& times, time_point& free, const crossing& what,
                   time_point now) {
  const auto busy = times.busy(what.bytes);
  if (what.first == transport::urgency::control) return now + busy;
  free = std::max(free, now) + busy;
  return free;
}

} // namespace

virtual_network::virtual_network(event_loop& events, link_plan links, std::uint64_t id)
    : events_(events), links_(std::move(links)),
      hub_(id, [this](const crossing& what, std::function<void()> deliver) {
        carry(what, std::move(deliver));
      }) {}

virtual_network::port& virtual_network::at(std::uint64_t number) {
  if (number >= ports_.size()) ports_.resize(number + 1);
  return ports_[number];
}

plane_maker virtual_network::planes() {
  return [this](transport::receiver& owner, const plane_needs& needs) {
    auto made = hub_.open(owner);
    at(made->where().number).times = links_(needs.owner);
    return result<std::unique_ptr<transport::endpoint>>(std::move(made));
  };
}

void virtual_network::carry(const crossing& what, std::function<void()> deliver) {
  const auto latency = at(what.from).times.latency + at(what.to).times.latency;
  auto& from = at(what.from);
  const auto left = carried(from.times, from.out_free, what, events_.now());
  events_.at(left + latency, [this, what, deliver = std::move(deliver)]() mutable {
    arrive(what, std::move(deliver));
  });
}

void virtual_network::arrive(const crossing& what, std::function<void()> deliver) {
  auto& to = at(what.to);
  const auto done = carried(to.times, to.in_free, what, events_.now());
  if (done <= events_.now()) return deliver();
  events_.at(done, std::move(deliver));
}

} // namespace lagrange::actors::simulation
