/// \file
/// The node: the first actor of a process that hosts one actor of a job. It tells the supervisor
/// that it is there, builds the actor that it is told to host, and ends with it. Under --in-process
/// and in simulation every named actor has a node of its own, too, in one process.
#pragma once

#include "actors/checkpoint_writer.hpp"
#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "actors/plane.hpp"
#include "runtime/journal_file.hpp"
#include "runtime/transport/greeting.hpp"

#include <caf/stateful_actor.hpp>

#include <functional>
#include <memory>
#include <string>

namespace lagrange::actors {

/// Whoever computes the steps of one worker.
struct compute_request {
  const runtime::job& what;
  const runtime::data_facts& facts;
  runtime::actor_life who; ///< the worker
  const runtime::memory_keeper& keeper;
  runtime::cut_number cut; ///< the last one of the job before this life
};
using compute_maker = std::function<compute_actor(caf::actor_system&, const compute_request&)>;

struct node_setup {
  runtime::actor_life who; ///< what it is to host
  std::int64_t pid = 0;
  supervisor_actor supervisor;
  const runtime::catalog* catalog = nullptr;
  /// Address at which its actor takes control messages from other processes; empty: not at all.
  std::string listen;
  runtime::transport::security security;      ///< who may reach it there, and what it shows others
  plane_maker open_plane;                     ///< for what its actor exchanges in steps
  runtime::memory_keeper keeper;              ///< of a worker's residual; null: it lasts one life
  runtime::journal_opener journal;            ///< of a shard; null: none is kept
  writer_maker writer;                        ///< of what it holds at cuts; null: nothing is kept
  std::shared_ptr<runtime::file_system> disk; ///< that such cuts are on; null: this machine's
  compute_maker compute;                      ///< null: a detached actors::compute
};

struct node_state {
  static inline const char* name = "node";
  std::shared_ptr<const node_setup> setup;
  caf::strong_actor_ptr hosted;
  caf::strong_actor_ptr compute;
  caf::strong_actor_ptr writer;
};

/// Quits with the reason of the hosted actor, or when the supervisor is gone.
node_actor::behavior_type node(node_actor::stateful_pointer<node_state> self,
                               std::shared_ptr<const node_setup> setup);

/// Starts the nodes of a job: as processes, or as actors of this process.
class launcher {
public:
  virtual ~launcher() = default;
  /// Starts a node that will say hello to `supervisor`.
  virtual runtime::result<void> launch(const runtime::actor_life& who,
                                       const supervisor_actor& supervisor) = 0;
  /// Ends whatever is left of a life at once.
  virtual void kill(const runtime::actor_life& who) = 0;
  /// A node that another supervisor has started has returned to this one.
  virtual void adopt(const runtime::actor_life&, std::int64_t, const supervisor_actor&) {}
};

} // namespace lagrange::actors
