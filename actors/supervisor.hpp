/// \file
/// The supervisor's behavior: it speaks for runtime::supervisor, keeps the handles of the job's
/// actors, and hands them to each other.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "actors/node.hpp"
#include "actors/plane.hpp"
#include "runtime/collection.hpp"

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
  evaluator_actor evaluator;                             ///< null: the job is not evaluated
  std::shared_ptr<const runtime::wanted_rows> evaluated; ///< rows that it needs; null: none
  plane_maker open_plane;                                ///< to get parameters from shards
  checkpoint_writer_actor writer;                        ///< null: no cut is made
  runtime::plane_needs needs;
  /// Takes down that a node joined, before it is let in: it begins with nothing unsent. Null:
  /// nobody has to know.
  std::function<runtime::result<void>(const runtime::actor_life&)> admits;
  /// False once another supervisor has taken the run; null: always true.
  std::function<bool()> may_command;
  /// For the simulator: stands between the shards and the control of the feeder.
  std::function<feeder_actor(const feeder_actor&)> feeder_link;
};

struct supervisor_state {
  static inline const char* name = "supervisor";
  std::optional<runtime::supervisor> twin;
  std::shared_ptr<const supervisor_setup> setup;
  std::map<runtime::actor_life, node_actor> nodes;
  /// A shard that is up, and the link to its parameters.
  struct placed_shard {
    runtime::actor_life who;
    shard_actor control;
    runtime::transport::address plane;
    runtime::transport::link_id link;
  };
  feeder_actor feeder;
  runtime::actor_ready feeder_ready;
  std::map<std::uint32_t, placed_shard> shards, replicas;
  std::vector<std::string> events;         ///< not yet told to whoever watches
  runtime::gathered_parameters parameters; ///< final
  bool is_evaluating = false;
  /// Parameters that have been asked for, and what is to be done once they are here.
  struct collection {
    runtime::collection twin;
    std::function<void(runtime::gathered_parameters)> then;
  };
  std::vector<collection> collecting;
  std::uint64_t collections = 0;
  std::unique_ptr<plane_seat> seat;
};

/// Whether the job has ended, and nothing of it is under way.
bool is_over(const supervisor_state& x);
/// What a watch_request is answered: what has happened since the last time is told once.
runtime::watch_reply watch(supervisor_state& x, runtime::time_point now);
/// What is left of a job that is over.
runtime::job_result result_of(const supervisor_state& x);

/// Waits for start_atom. Quits with an error when the options are invalid.
supervisor_actor::behavior_type
supervisor(supervisor_actor::stateful_pointer<supervisor_state> self,
           std::shared_ptr<const supervisor_setup> setup);

} // namespace lagrange::actors
