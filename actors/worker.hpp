/// \file
/// The worker's behavior: it hands what its endpoint receives to runtime::worker_port, and computes
/// and waits for it.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "actors/plane.hpp"
#include "runtime/worker_port.hpp"

#include <caf/stateful_actor.hpp>

#include <map>
#include <memory>
#include <optional>

namespace lagrange::actors {

struct worker_setup {
  runtime::worker_options options;
  std::unique_ptr<plane_seat> seat;
  runtime::worker_links links;                                      ///< of that seat
  std::map<runtime::transport::link_id, runtime::actor_life> peers; ///< by link
  compute_actor compute;
  supervisor_actor supervisor;    ///< told of figures and of lost peers
  checkpoint_writer_actor writer; ///< of what is kept at a cut; null: nothing is
};

struct worker_state {
  static inline const char* name = "worker";
  std::optional<runtime::worker_port> port;
  std::unique_ptr<plane_seat> seat;
  std::map<runtime::transport::link_id, runtime::actor_life> peers;
  compute_actor compute;
  supervisor_actor supervisor;
  checkpoint_writer_actor writer;
};

/// Quits with an error when it is fenced, when a shard refuses a push as no valid one, or when its
/// computation fails; it never quits because the job is finished.
worker_actor::behavior_type worker(worker_actor::stateful_pointer<worker_state> self,
                                   std::shared_ptr<worker_setup> setup);

} // namespace lagrange::actors
