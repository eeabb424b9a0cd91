/// \file
/// A whole job in one process and in virtual time: the actors of a real run, with their real
/// gradients, under CAF's deterministic scheduler. Whoever holds it runs the events one by one.
///
/// Invariant: RE-1 (a seed determines a simulated run completely).
#pragma once

#include "actors/local_launcher.hpp"
#include "actors/simulation/computing.hpp"
#include "actors/simulation/event_loop.hpp"
#include "actors/simulation/virtual_network.hpp"
#include "actors/supervisor.hpp"
#include "actors/system.hpp"
#include "runtime/chaos.hpp"
#include "runtime/cut_reader.hpp"
#include "runtime/evaluation.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace lagrange::actors::simulation {

/// What a simulation is made of. Requires: job, catalog and facts that outlive it.
struct simulation_setup {
  const runtime::job& what;
  const runtime::catalog& catalog;
  const runtime::data_facts& facts;
  std::string job_text; ///< to_toml(what)
  runtime::supervisor_term term{1};
  runtime::journal_opener journal{};             ///< null: none is kept
  std::shared_ptr<runtime::evaluation> tested{}; ///< takes no virtual time; null: nothing is
  step_plan steps{};                             ///< null: the job's step times
  writer_maker writer{};                         ///< null: no cut is kept
  runtime::found_start begin{};                  ///< where its term begins
  std::shared_ptr<runtime::file_system> disk{};  ///< that cuts are on; null: this machine's
  std::set<runtime::worker_id> vacant{};         ///< as in supervisor_options
  /// Told of each node that joins; null: nobody is.
  std::function<void(const runtime::actor_life&)> admits{};
};

/// What tests put in the places of ordinary parts, made once there is a system to make them in.
struct simulation_parts {
  plane_maker planes;
  compute_maker compute;
  std::function<feeder_actor(const feeder_actor&)> feeder_link;
};

class simulated_job {
public:
  using parts_maker = std::function<simulation_parts(caf::actor_system&, event_loop&)>;
  /// Parts that are null are the ordinary ones: the job's own virtual times.
  explicit simulated_job(const simulation_setup& setup, const parts_maker& parts = {},
                         event_loop::choice pick = {});
  ~simulated_job();
  simulated_job(const simulated_job&) = delete;
  simulated_job& operator=(const simulated_job&) = delete;

  /// One event. False: nothing will ever happen again.
  bool step() { return events_.step(); }
  /// Why the supervisor is gone, which is a bug; empty: it is there.
  const std::string& broken() const { return broken_; }
  /// A node asks to join, as one would that a person starts.
  void join();
  /// Somebody orders that this worker is drained.
  void drain(runtime::actor_name who);
  /// Tells the supervisor to stop in order.
  void stop(int signal);

  // Looking changes nothing in the simulation, whenever it is done. Requires: not broken().
  /// The supervisor begins with its first event; until then there is nothing to look at.
  bool has_begun() const { return state_->twin.has_value(); }
  bool is_over() const { return has_begun() && actors::is_over(*state_); }
  const supervisor_state& state() const { return *state_; }
  runtime::watch_reply watch() { return actors::watch(*state_, now()); }
  /// Requires: is_over().
  runtime::job_result result() const { return result_of(*state_); }
  runtime::time_point now() const { return events_.now(); }
  std::uint64_t events() const { return events_.events(); }

  caf::actor_system& system() { return system_; }
  const local_launcher& nodes() const { return *nodes_; }

private:
  void watch_supervisor();
  void plan_death(const runtime::chaos& injected, std::uint64_t number);
  void kill_worker(runtime::worker_id who);
  simulation_parts standard_parts(const simulation_setup& setup);
  std::shared_ptr<const supervisor_setup> make_setup(const simulation_setup& setup,
                                                     const simulation_parts& parts);

  system_config config_;
  caf::actor_system system_;
  event_loop events_;
  std::uint32_t workers_;
  std::optional<virtual_network> network_;
  evaluator_actor evaluator_;
  std::shared_ptr<local_launcher> nodes_;
  supervisor_actor supervisor_;
  supervisor_state* state_ = nullptr; ///< of the supervisor, while it is there
  std::string broken_;
};

} // namespace lagrange::actors::simulation
