/// \file
/// The worker's behavior: it speaks for runtime::worker.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"

#include <caf/stateful_actor.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace lagrange::actors {

struct worker_setup {
  runtime::worker_options options;
  feeder_actor feeder;
  std::vector<shard_actor> shards; ///< by number
  compute_actor compute;
  supervisor_actor supervisor; ///< told of figures, and of peers that send no frames
};

struct worker_state {
  static inline const char* name = "worker";
  std::optional<runtime::worker> twin;
  std::shared_ptr<const worker_setup> setup;
};

/// Quits with an error when it is fenced, when a shard refuses a push as no valid one, or when its
/// computation fails; it never quits because the job is finished.
worker_actor::behavior_type worker(worker_actor::stateful_pointer<worker_state> self,
                                   std::shared_ptr<const worker_setup> setup);

} // namespace lagrange::actors
