#include "apps/process_launcher.hpp"

#include "apps/left_nodes.hpp"
#include "apps/residual_file.hpp"
#include "apps/run_folder.hpp"

#include <caf/send.hpp>
#include <fmt/format.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iterator>

namespace lagrange::apps {

namespace {

/// Completes "worker-2 ...".
std::string cause_of(const process_end& end) {
  if (!end.is_known) return "ended";
  if (end.signal != 0) return fmt::format("was killed (signal {})", end.signal);
  return fmt::format("ended by itself (exit status {})", end.status);
}

std::vector<std::string> tls_arguments(const std::optional<runtime::transport::tls_files>& files) {
  if (!files) return {};
  return {"--certificate", files->certificate.string(), "--key", files->key.string(),
          "--authority",   files->authority.string()};
}

} // namespace

process_launcher::process_launcher(const runtime::transport::security& with,
                                   std::filesystem::path run, runtime::supervisor_term term,
                                   runtime::unsent_source unsent, const succession& then)
    : token_(hold_token(with.token)), tls_(with.tls), run_(std::move(run)), term_(term),
      unsent_(std::move(unsent)), then_(then), ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      processes_([this](const process_end& end) { on_end(end); }) {}

process_launcher::~process_launcher() { processes_.kill_all(); }

void process_launcher::join_at(std::string host, std::uint16_t port) {
  host_ = std::move(host);
  port_ = port;
}

runtime::result<void> process_launcher::launch(const runtime::actor_life& who,
                                               const actors::supervisor_actor& supervisor) {
  std::vector<std::string> arguments{"node",
                                     "--name",
                                     to_string(who.name),
                                     "--join",
                                     fmt::format("{}:{}", host_, port_),
                                     "--listen",
                                     host_,
                                     "--life",
                                     to_string(who.life),
                                     "--supervisor-pid",
                                     std::to_string(::getpid()),
                                     "--token-file",
                                     inherited_token_file,
                                     "--run",
                                     std::filesystem::absolute(run_).string(),
                                     "--command",
                                     to_string(then_.command),
                                     "--adoption-window",
                                     std::to_string(then_.adoption_window.count())};
  std::ranges::move(tls_arguments(tls_), std::back_inserter(arguments));
  if (who.name.role == runtime::actor_role::worker) {
    auto& residual = residuals_[who.name];
    if (!residual)
      residual = make_residual_file(to_string(who.name),
                                    unsent_ ? unsent_({who.name.index}) : std::vector<std::byte>());
    arguments.insert(arguments.end(), {"--residual-file", path_of(residual)});
  }
  if (who.name.role != runtime::actor_role::feeder)
    arguments.insert(arguments.end(), {"--checkpoints", checkpoints_of(run_).string()});
  if (who.name.role == runtime::actor_role::shard || who.name.role == runtime::actor_role::replica)
    arguments.insert(arguments.end(),
                     {"--journal", runtime::journal_path(run_, {who.name.index}, term_).string()});
  const auto started = processes_.start(arguments, {.input = token_.get()});
  if (!started) return runtime::failure(started.error().code, started.error().text);
  const pid_t pid = started.value();
  watch(pid, {who, supervisor});
  return note_launch(run_, term_, {who, pid});
}

void process_launcher::watch(pid_t pid, const child& whose) {
  process_end ended;
  {
    const std::lock_guard lock(mutex_);
    children_[pid] = whose;
    if (const auto early = early_.find(pid); early != early_.end()) {
      ended = early->second;
      early_.erase(early);
    }
  }
  if (ended.pid != 0) on_end(ended);
}

void process_launcher::adopt(const runtime::actor_life& who, std::int64_t pid,
                             const actors::supervisor_actor& supervisor) {
  const auto process = static_cast<pid_t>(pid);
  if (!processes_.adopt(process, [&] { return is_node_in(process, run_, who.name); })) return;
  if (who.name.role == runtime::actor_role::worker)
    if (auto residual = find_residual_file(process, to_string(who.name)))
      residuals_[who.name] = std::move(residual);
  watch(process, {who, supervisor});
}

void process_launcher::on_end(const process_end& end) {
  child whose;
  {
    const std::lock_guard lock(mutex_);
    const auto found = children_.find(end.pid);
    if (found == children_.end()) {
      early_[end.pid] = end;
      return;
    }
    whose = std::move(found->second);
    children_.erase(found);
  }
  caf::anon_send(whose.supervisor, runtime::actor_loss{whose.who, cause_of(end)});
  constexpr std::uint64_t one = 1; // after the supervisor has the news
  [[maybe_unused]] const auto told = ::write(ended_.get(), &one, sizeof(one));
}

void process_launcher::look_away() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto seen = ::read(ended_.get(), &count, sizeof(count));
}

void process_launcher::kill(const runtime::actor_life& who) {
  pid_t pid = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, whose] : children_)
      if (whose.who == who) pid = number;
  }
  if (pid != 0) processes_.signal(pid, SIGKILL);
}

} // namespace lagrange::apps
