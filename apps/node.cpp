// The verb `node`: one process, one hosted actor.
#include "apps/node.hpp"

#include "actors/guarded_network.hpp"
#include "actors/node.hpp"
#include "actors/supervisor_relay.hpp"
#include "actors/system.hpp"
#include "apps/left_behind.hpp"
#include "apps/planes.hpp"
#include "apps/process.hpp"
#include "apps/residual_file.hpp"
#include "apps/run_command.hpp"
#include "runtime/build_id.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace lagrange {

namespace {

/// Threads for actors that have none of their own: the hosted actor, and one that may block.
constexpr std::size_t threads = 2;

/// From now on the kernel kills this process when its parent, the supervisor, dies; or one that may
/// be adopted is let go on, in case somebody has stopped it, so that it can end by itself. False:
/// the parent is another process, so there is nobody to be tied to. Number 0 ties to nobody.
bool is_tied_to(std::int64_t supervisor_pid, bool may_be_adopted) {
  if (supervisor_pid == 0) return true;
  ::prctl(PR_SET_PDEATHSIG, may_be_adopted ? SIGCONT : SIGKILL);
  return ::getppid() == supervisor_pid; // after the request, so that no death is missed
}

/// A node that nobody has followed leaves at once: what it holds is worth nothing without the
/// others', and the newest cut is the way back.
[[noreturn]] void leave(const node_options& options, const std::string& why) {
  const auto said =
      fmt::format("{} ends: its supervisor is gone, and {}", to_string(options.name), why);
  if (!why.empty()) fmt::print(stderr, "lagrange: {}\n", said);
  // Whoever commands by now makes its files anew, and must keep them.
  const auto seen = apps::look_for_command(options.run, options.command).what;
  const bool is_last = (seen.is_over || !seen.is_held) && apps::sweep(options.run);
  if (is_last && !why.empty()) { // one of them removes the socket, and that one tells for all
    std::ofstream events(std::filesystem::path(options.run) / "events.log", std::ios::app);
    events << fmt::format("{:%Y-%m-%d %H:%M:%S} {}; so do the others\n",
                          fmt::localtime(std::time(nullptr)), said);
  }
  std::fflush(nullptr);
  std::_Exit(1);
}

/// Stands for whoever is the supervisor.
actors::supervisor_actor start_relay(caf::actor_system& system, const node_options& options,
                                     const actors::supervisor_actor& first) {
  auto setup = std::make_shared<actors::relay_setup>();
  setup->options = {options.command, options.adoption_window};
  setup->first = first;
  setup->security = options.security;
  setup->look = [run = options.run, command = options.command]() mutable {
    const auto seen = apps::look_for_command(run, command);
    command = std::max(command, seen.what.command);
    return seen.what;
  };
  setup->last_words = [options](const std::string& why) { leave(options, why); };
  return system.spawn<caf::detached>(actors::supervisor_relay,
                                     std::shared_ptr<const actors::relay_setup>(std::move(setup)));
}

} // namespace

int run_node(const node_options& options) {
  const auto name = to_string(options.name);
  apps::name_process(name);
  const bool may_be_adopted = !options.run.empty() && options.adoption_window.count() > 0;
  if (!is_tied_to(options.supervisor_pid, may_be_adopted)) {
    fmt::print(stderr, "lagrange: {}: its supervisor, process {}, did not start it or is gone\n",
               name, options.supervisor_pid);
    return 1;
  }
  actors::system_config config(actors::network::caf, actors::scheduling::pool, threads);
  caf::actor_system system(config);
  const auto supervisor = actors::remote_actor<actors::supervisor_actor>(
      system, options.join_host, options.join_port, options.security);
  if (!supervisor) {
    fmt::print(stderr, "lagrange: {}: no supervisor at {}:{}: {}; is its job still running?\n",
               name, options.join_host, options.join_port, supervisor.error().text);
    std::fflush(nullptr);
    std::_Exit(1);
  }
  auto setup = std::make_shared<actors::node_setup>();
  setup->who = {options.name, options.life};
  setup->pid = ::getpid();
  setup->supervisor =
      may_be_adopted ? start_relay(system, options, supervisor.value()) : supervisor.value();
  setup->security = options.security;
  setup->catalog = options.catalog;
  setup->listen = options.listen;
  if (!options.residual_file.empty()) setup->keeper = apps::keep_in(options.residual_file);
  if (!options.journal_file.empty())
    setup->journal = runtime::write_journal_to(options.journal_file);
  if (!options.checkpoints.empty())
    setup->writer = actors::write_checkpoints_with(
        {runtime::local_files(), options.checkpoints, runtime::build_id(), {}});
  setup->open_plane = apps::planes_of_host(options.security, options.listen);
  {
    caf::scoped_actor self(system);
    // Detached, because it blocks while it connects to the actors that its own is to talk to.
    const auto hosting = self->spawn<caf::detached>(
        actors::node, std::shared_ptr<const actors::node_setup>(std::move(setup)));
    self->wait_for(hosting);
  }
  // All that a node has to lose is with its peers. Waiting for a step under way, or for the network
  // layer's orderly end, would only keep the job waiting.
  std::fflush(nullptr);
  std::_Exit(0);
}

} // namespace lagrange
