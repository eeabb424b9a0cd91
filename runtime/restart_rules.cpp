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
constexpr std::array<std::string_view, 2> escalation_names{"end", "go_on"};
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

restart_escalation restart_escalation_of(std::string_view name) {
  const auto found = std::ranges::find(escalation_names, name);
  LAGRANGE_EXPECT(found != escalation_names.end(), "no escalation " + std::string(name));
  return static_cast<restart_escalation>(found - escalation_names.begin());
}

const restart_rule& restart_policy::of(actor_role role) const {
  LAGRANGE_EXPECT(std::ranges::find(start_order, role) != start_order.end(),
                  "no rule for a " + std::string(name(role)));
  return role == actor_role::worker ? worker : role == actor_role::shard ? shard : feeder;
}

bool is_restartable(actor_role role) { return role == actor_role::worker; }

restart_rules::verdict restart_rules::on_death(actor_name who, time_point now) {
  const auto& rule = policy_.of(who.role);
  auto& deaths = deaths_[who];
  std::erase_if(deaths, [&](time_point at) { return now - at > rule.period; });
  deaths.push_back(now);
  if (deaths.size() > rule.intensity)
    return {{},
            fmt::format("it died {} times within {} s, more than restart.{}intensity = {} allows",
                        deaths.size(), std::chrono::duration<double>(rule.period).count(),
                        rule.has_own_intensity ? std::string(name(who.role)) + "." : "",
                        rule.intensity),
            rule.escalation};
  const auto doublings = std::min<std::size_t>(deaths.size() - 1, 16);
  return {std::min(backoff_max, rule.backoff * (1 << doublings)), {}, rule.escalation};
}

bool restart_rules::is_restarted_with(actor_name other, actor_name dead) const {
  if (other == dead || !is_restartable(other.role)) return false;
  switch (policy_.of(dead.role).strategy) {
  case restart_strategy::one_for_one:
    return false;
  case restart_strategy::rest_for_one:
    return place_of(other.role) > place_of(dead.role);
  default:
    return true;
  }
}

} // namespace lagrange::runtime
