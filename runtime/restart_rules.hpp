/// \file
/// Which deaths are followed by a restart, when, and of whom, by the role of who died. Part of the
/// supervisor's twin, in the terms of Erlang's supervisors.
///
/// Invariant: EN-1 (who dies too often ends the job, with the cause named, or is given up).
#pragma once

#include "runtime/ids.hpp"
#include "runtime/staleness/policy.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// Who is restarted along with an actor that died, of those that can be restarted. The order is
/// feeder, shards, workers; a worker has nobody behind it.
enum class restart_strategy : std::uint8_t { one_for_one = 0, rest_for_one, all };

/// As a job says it. Requires: one of the three names.
restart_strategy restart_strategy_of(std::string_view name);

/// What follows when an actor dies more often than its rule allows.
enum class restart_escalation : std::uint8_t {
  end = 0, ///< the job ends in order
  go_on,   ///< without that actor, as long as enough of its role are left
};
/// As a job says it. Requires: one of the two names.
restart_escalation restart_escalation_of(std::string_view name);

struct restart_rule {
  std::uint32_t intensity = 5; ///< so many restarts of one actor within the period are in order
  std::chrono::milliseconds period{60'000};
  std::chrono::milliseconds backoff{100}; ///< before the first restart; doubles with each in a row
  restart_strategy strategy = restart_strategy::one_for_one;
  restart_escalation escalation = restart_escalation::end;
  bool has_own_intensity = false; ///< said for its role alone, and not for all
};

/// A rule for each role.
struct restart_policy {
  restart_policy() = default;
  /// The same for all.
  restart_policy(const restart_rule& all) : worker(all), shard(all), feeder(all) {}
  restart_rule worker, shard, feeder;
  /// Requires: a worker, a shard or a feeder.
  const restart_rule& of(actor_role role) const;
};

/// Whether the death of such an actor can be survived within a term. Those of others end it.
bool is_restartable(actor_role role);

/// Counts the deaths of every actor.
class restart_rules {
public:
  explicit restart_rules(const restart_policy& policy) : policy_(policy) {}

  struct verdict {
    std::chrono::milliseconds wait{0}; ///< before it is started again
    std::string excess; ///< not empty: it is not, since "it died 3 times within 60 s, ..."
    restart_escalation escalation = restart_escalation::end; ///< what follows then
  };
  /// Requires: a worker, a shard or a feeder; whoever asks starts it again, in a next life or in a
  /// next term.
  verdict on_death(actor_name who, time_point now);
  /// Whether `other` is restarted because `dead` has died.
  bool is_restarted_with(actor_name other, actor_name dead) const;

private:
  restart_policy policy_;
  std::map<actor_name, std::vector<time_point>> deaths_; ///< within the period
};

} // namespace lagrange::runtime
