/// \file
/// Nodes as actors of the supervisor's own process: for --in-process and for simulation.
#pragma once

#include "actors/node.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <map>
#include <memory>

namespace lagrange::actors {

struct local_launcher_setup {
  const runtime::catalog* catalog = nullptr;
  plane_maker open_plane;
  runtime::journal_opener journal;              ///< of shards; null: none is kept
  compute_maker compute{};                      ///< as in node_setup
  std::int64_t pid = 0;                         ///< of this process, for people; 0: nobody is told
  writer_maker writer{};                        ///< as in node_setup
  runtime::unsent_source unsent{};              ///< at the term's start; null: nothing
  std::shared_ptr<runtime::file_system> disk{}; ///< as in node_setup
};

/// Used by the supervisor alone, one call at a time.
class local_launcher final : public launcher {
public:
  local_launcher(caf::actor_system& system, local_launcher_setup setup);
  runtime::result<void> launch(const runtime::actor_life& who,
                               const supervisor_actor& supervisor) override;
  void kill(const runtime::actor_life& who) override;
  /// One that joins by itself: nothing of it is kept, and nothing that its place held is its own.
  void launch_guest(const runtime::actor_life& who, const supervisor_actor& supervisor);
  /// The nodes that were launched and not killed.
  const std::map<runtime::actor_life, node_actor>& nodes() const { return nodes_; }

private:
  std::shared_ptr<node_setup> make_setup(const runtime::actor_life& who,
                                         const supervisor_actor& supervisor) const;

  caf::actor_system& system_;
  local_launcher_setup setup_;
  std::map<runtime::actor_life, node_actor> nodes_;
  std::map<runtime::actor_name, runtime::lasting_memory> residuals_;
};

} // namespace lagrange::actors
