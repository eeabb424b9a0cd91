/// \file
/// One term of a run: a supervisor and the nodes of its actors, from their start to their end.
#pragma once

#include "actors/local_launcher.hpp"
#include "actors/supervisor.hpp"
#include "apps/door.hpp"
#include "apps/process_launcher.hpp"
#include "apps/run.hpp"
#include "apps/run_record.hpp"
#include "runtime/cut_reader.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <memory>
#include <optional>
#include <set>
#include <vector>

struct pollfd;

namespace lagrange::apps {

/// What every term of a job shares.
struct term_parts {
  caf::actor_system& system;
  const run_options& options;
  const run_record& record;
  actors::evaluator_actor evaluator;
  std::shared_ptr<const runtime::wanted_rows> evaluated; ///< rows of tables
  std::set<runtime::worker_id> vacant{}; ///< workers that the next term is not to start
};

class running_term {
public:
  /// Requires: parts that outlive it.
  running_term(const term_parts& parts, runtime::job_id job, runtime::supervisor_term term,
               const runtime::found_start& begin);
  /// Leaves no process and no actor of it.
  ~running_term();
  running_term(const running_term&) = delete;
  running_term& operator=(const running_term&) = delete;

  /// Starts the supervisor, which starts all others. Errors: bad_file, as when no port is free.
  runtime::result<void> start();
  /// What has happened since the last time. Errors: the supervisor is gone, which is a bug.
  runtime::result<runtime::watch_reply> watch();
  runtime::result<runtime::switch_receipt> request(const runtime::switch_request& wish);
  runtime::result<runtime::drain_receipt> request(const runtime::drain_request& wish);
  /// Asks for an orderly end.
  void stop(int signal);
  /// Kills a node's process, as injected chaos does.
  void kill(const runtime::actor_life& who);
  /// Readable when there may be news before anybody asks.
  void add_to(std::vector<pollfd>& waited) const;
  void look_away();
  /// Waits for the nodes' ends. Requires: it is over. Errors: as watch().
  runtime::result<runtime::job_result> end();
  /// Leaves all nodes alone: another supervisor has them.
  void release();

  runtime::supervisor_term number() const { return term_; }
  /// Where nodes may join; none: they cannot.
  const std::optional<door_address>& door() const { return at_; }
  /// The policy that the job was switched to before the term; empty: it has its own.
  const std::string& switched_to() const { return switched_to_; }

private:
  runtime::result<std::shared_ptr<actors::supervisor_setup>> make_setup();
  runtime::result<void> open_to_nodes();
  runtime::result<void> note_forgotten(std::uint32_t workers);
  void prepare_adoption(const left_nodes& left, runtime::supervisor_options& out) const;
  runtime::result<std::vector<runtime::journal_origin>> origins() const;

  const term_parts& parts_;
  runtime::job_id job_;
  runtime::supervisor_term term_;
  actors::writer_maker writer_; ///< null: no cut is kept
  runtime::term_start start_;
  runtime::cut_number ordered_; ///< the last cut before this term
  std::string switched_to_;
  caf::scoped_actor self_;
  actors::supervisor_actor supervisor_;
  std::shared_ptr<actors::local_launcher> local_;
  std::shared_ptr<process_launcher> processes_;
  std::optional<door_address> at_;
  std::optional<open_door> door_;
};

} // namespace lagrange::apps
