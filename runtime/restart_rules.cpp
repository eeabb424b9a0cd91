#include "runtime/restart_rules.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lagrange::runtime {

namespace {

/// However often an actor dies, its restart waits no longer than this.
constexpr std::chrono::milliseconds backoff_max{10'000};
constexpr std::array<std::string_view, 3> strategy_names{"one_for_one", "rest_for_one", "all"};
/// Each connects to those before it.
constexpr std::array<actor_role, 3> start_order{actor_role::feeder, actor_role::shard,
                                                actor_role::worker};

std::ptrdiff_t place_of(actor_role role) {
  return std::ranges::find(start_order, role) - start_order.begin();
}

} // namespace

restart_strategy restart_strategy_of(std::string_view name) {
  const auto found = std::ranges::find(strategy_names, name);
  LAGRANGE_EXPECT(found != strategy_names.end(), "no strategy " + std::string(name));
  return static_cast<restart_strategy>(found - strategy_names.begin());
}

bool is_restartable(actor_role role) { return role == actor_role::worker; }

restart_rules::verdict restart_rules::on_death(actor_name who, time_point now) {
  auto& deaths = deaths_[who];
  std::erase_if(deaths, [&](time_point at) { return now - at > rule_.period; });
  deaths.push_back(now);
  if (deaths.size() > rule_.intensity)
    return {{},
            fmt::format("it died {} times within {} s, more than restart.intensity = {} allows",
                        deaths.size(), std::chrono::duration<double>(rule_.period).count(),
                        rule_.intensity)};
  const auto doublings = std::min<std::size_t>(deaths.size() - 1, 16);
  return {std::min(backoff_max, rule_.backoff * (1 << doublings)), {}};
}

bool restart_rules::is_restarted_with(actor_name other, actor_name dead) const {
  if (other == dead || !is_restartable(other.role)) return false;
  switch (rule_.strategy) {
  case restart_strategy::one_for_one:
    return false;
  case restart_strategy::rest_for_one:
    return place_of(other.role) > place_of(dead.role);
  default:
    return true;
  }
}

} // namespace lagrange::runtime
