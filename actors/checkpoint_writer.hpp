/// \file
/// The checkpoint writer's behavior: one in each process that has something to keep, detached, so
/// that no step waits for a disk. Shards and workers hand it what they held at a cut, and it tells
/// the supervisor of each part; the supervisor's own writes down that a cut is whole.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "runtime/checkpoint_writer.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <functional>
#include <optional>

namespace lagrange::actors {

struct checkpoint_writer_setup {
  runtime::checkpoint_writer_options options;
  supervisor_actor supervisor; ///< told of parts; null for the supervisor's own
  /// The date, for people and for cuts that are kept by age.
  std::function<std::chrono::sys_seconds()> today;
};

struct checkpoint_writer_state {
  static inline const char* name = "checkpoint_writer";
  checkpoint_writer_setup setup;
  std::optional<runtime::checkpoint_writer> twin;
};

/// Starts the writer of a node's process, which tells this supervisor.
using writer_maker =
    std::function<checkpoint_writer_actor(caf::actor_system&, const supervisor_actor&)>;
/// Writers with threads of their own.
writer_maker write_checkpoints_with(runtime::checkpoint_writer_options options);

checkpoint_writer_actor::behavior_type
checkpoint_writer(checkpoint_writer_actor::stateful_pointer<checkpoint_writer_state> self,
                  const checkpoint_writer_setup& setup);

} // namespace lagrange::actors
