#include "actors/local_launcher.hpp"

#include <caf/send.hpp>

namespace lagrange::actors {

local_launcher::local_launcher(caf::actor_system& system, local_launcher_setup setup)
    : system_(system), setup_(std::move(setup)) {}

std::shared_ptr<node_setup> local_launcher::make_setup(const runtime::actor_life& who,
                                                       const supervisor_actor& supervisor) const {
  auto setup = std::make_shared<node_setup>();
  setup->who = who;
  setup->pid = setup_.pid;
  setup->supervisor = supervisor;
  setup->catalog = setup_.catalog;
  setup->open_plane = setup_.open_plane;
  setup->compute = setup_.compute;
  setup->disk = setup_.disk;
  return setup;
}

runtime::result<void> local_launcher::launch(const runtime::actor_life& who,
                                             const supervisor_actor& supervisor) {
  auto setup = make_setup(who, supervisor);
  setup->keeper = [&kept = residuals_[who.name], unsent = setup_.unsent, who](std::size_t bytes) {
    if (!kept) kept = runtime::begun_memory(bytes, {who.name.index}, unsent);
    return kept;
  };
  setup->journal = setup_.journal;
  setup->writer = setup_.writer;
  nodes_[who] = system_.spawn(node, std::shared_ptr<const node_setup>(std::move(setup)));
  return runtime::success();
}

void local_launcher::launch_guest(const runtime::actor_life& who,
                                  const supervisor_actor& supervisor) {
  nodes_[who] = system_.spawn(node, std::shared_ptr<const node_setup>(make_setup(who, supervisor)));
}

void local_launcher::kill(const runtime::actor_life& who) {
  const auto found = nodes_.find(who);
  if (found == nodes_.end()) return;
  caf::anon_send_exit(found->second, caf::exit_reason::user_shutdown);
  nodes_.erase(found);
}

} // namespace lagrange::actors
