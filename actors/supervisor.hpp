/// \file
/// The supervisor's behavior: it speaks for runtime::supervisor, keeps the handles of the job's
/// actors, and hands them to each other.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "actors/node.hpp"

#include <caf/stateful_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace lagrange::actors {

struct supervisor_setup {
  runtime::supervisor_options options;
  /// What every placed actor is told; its stamp is filled in.
  runtime::placement order;
  std::shared_ptr<launcher> nodes;
  evaluator_actor evaluator; ///< null: the job is not evaluated
  /// For the simulator: stands between every actor and the shards and feeder it is given.
  std::function<shard_actor(const shard_actor&)> shard_link;
  std::function<feeder_actor(const feeder_actor&)> feeder_link;
};

struct supervisor_state {
  static inline const char* name = "supervisor";
  std::optional<runtime::supervisor> twin;
  std::shared_ptr<const supervisor_setup> setup;
  std::map<runtime::actor_life, node_actor> nodes;
  feeder_actor feeder;
  runtime::endpoint feeder_at;
  std::map<std::uint32_t, std::pair<shard_actor, runtime::endpoint>> shards;
  std::vector<std::string> events; ///< not yet told to whoever watches
  std::vector<std::shared_ptr<const runtime::pull_reply>> parameters; ///< final, by shard
  std::size_t snapshots_due = 0;
  bool is_evaluating = false;
};

/// Waits for start_atom. Quits with an error when the options are invalid.
supervisor_actor::behavior_type
supervisor(supervisor_actor::stateful_pointer<supervisor_state> self,
           std::shared_ptr<const supervisor_setup> setup);

} // namespace lagrange::actors
