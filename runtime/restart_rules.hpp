/// \file
/// Which deaths are followed by a restart, when, and of whom. Part of the supervisor's twin, in the
/// terms of Erlang's supervisors.
///
/// Invariant: EN-1 (who dies too often ends the job, with the cause named).
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

struct restart_rule {
  std::uint32_t intensity = 5; ///< so many restarts of one actor within the period are in order
  std::chrono::milliseconds period{60'000};
  std::chrono::milliseconds backoff{100}; ///< before the first restart; doubles with each in a row
  restart_strategy strategy = restart_strategy::one_for_one;
};

/// Whether the death of such an actor can be survived at all. Those of others end the job.
bool is_restartable(actor_role role);

class restart_rules {
public:
  explicit restart_rules(restart_rule rule) : rule_(rule) {}

  struct verdict {
    std::chrono::milliseconds wait{0}; ///< before it is started again
    std::string excess; ///< not empty: it is not, since "it died 3 times within 60 s, ..."
  };
  /// Of one that is restarted, or with which the whole term begins anew.
  verdict on_death(actor_name who, time_point now);
  /// Whether `other` is restarted because `dead` has died.
  bool is_restarted_with(actor_name other, actor_name dead) const;

private:
  restart_rule rule_;
  std::map<actor_name, std::vector<time_point>> deaths_; ///< within the period
};

} // namespace lagrange::runtime
