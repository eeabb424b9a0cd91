/// \file
/// Nodes as processes: each is this very program with the verb `node`.
#pragma once

#include "actors/node.hpp"
#include "apps/process.hpp"
#include "apps/token_file.hpp"
#include "runtime/push_encoder.hpp"

#include <filesystem>
#include <map>
#include <mutex>
#include <string>

namespace lagrange::apps {

/// What nodes know of the supervisors that may come after theirs.
struct succession {
  runtime::command_number command{1};           ///< of the one that starts them
  std::chrono::milliseconds adoption_window{0}; ///< for another one; 0: they die with it
};

/// Starts nodes and tells the supervisor how each one's process ended. Holds what workers have not
/// sent yet, for their next lives.
class process_launcher final : public actors::launcher {
public:
  /// Nodes get the token and the names of the TLS files; shards keep their journals in the folder
  /// `run`, as those of `term`, at whose start workers had this unsent.
  process_launcher(const runtime::transport::security& with, std::filesystem::path run,
                   runtime::supervisor_term term, runtime::unsent_source unsent,
                   const succession& then);
  ~process_launcher() override;

  /// Where nodes find the supervisor, at whose address they listen themselves. Requires: called
  /// before the first launch.
  void join_at(std::string host, std::uint16_t port);

  runtime::result<void> launch(const runtime::actor_life& who,
                               const actors::supervisor_actor& supervisor) override;
  void kill(const runtime::actor_life& who) override;
  /// Also of one that has not returned: it is watched, can be killed, and what a worker has not
  /// sent is held from now on.
  void adopt(const runtime::actor_life& who, std::int64_t pid,
             const actors::supervisor_actor& supervisor) override;
  /// Leaves all nodes alone: another supervisor has them.
  void release() { processes_.release(); }
  /// A descriptor that is readable once a node has ended since the last call of look_away().
  int pollable() const { return ended_.get(); }
  void look_away();
  /// False when some process is still there after `patience`.
  bool wait_for_all(std::chrono::milliseconds patience) {
    return processes_.wait_for_all(patience);
  }
  bool kill_all() { return processes_.kill_all(); }

private:
  struct child {
    runtime::actor_life who;
    actors::supervisor_actor supervisor;
  };
  void watch(pid_t pid, const child& whose);
  void on_end(const process_end& end);

  const descriptor token_;
  const std::optional<runtime::transport::tls_files> tls_;
  const std::filesystem::path run_;
  const runtime::supervisor_term term_;
  const runtime::unsent_source unsent_; ///< null: nothing
  const succession then_;
  const descriptor ended_; ///< counts the nodes that have
  std::map<runtime::actor_name, runtime::transport::descriptor> residuals_; ///< of workers
  std::string host_;
  std::uint16_t port_ = 0;
  std::mutex mutex_; ///< guards the two maps; never held while a process is started
  std::map<pid_t, child> children_;
  std::map<pid_t, process_end> early_; ///< ended before launch() knew their numbers
  process_group processes_;            ///< last: its thread uses the rest
};

} // namespace lagrange::apps
