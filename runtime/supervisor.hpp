/// \file
/// The supervisor's twin: it places the actors of a job on nodes, watches them, restarts workers
/// and ends the job in order. It decides; actors::supervisor speaks.
///
/// Places come up in three waves: feeder, shards, workers, because each connects to those before
/// it. A worker that dies leaves the membership view, and its next incarnation starts after a
/// back-off; one that dies too often ends the job, or is given up. A shard or feeder that dies
/// takes with it all that is newer than the last cut: the term is over, everybody is killed, and
/// whoever runs the job begins the next term. But a shard whose replica has all of it goes on as
/// that: nobody else decides so (supervisor_replicas.cpp). An actor that is up and silent, or hangs
/// in a step, is killed, and then has died.
///
/// Invariants: CL-2 (a death becomes a view at once), DU-1 (its cuts), EN-1 (every job ends, with
/// its cause named).
#pragma once

#include "runtime/adoption.hpp"
#include "runtime/cut_schedule.hpp"
#include "runtime/diagnosis.hpp"
#include "runtime/elastic_messages.hpp"
#include "runtime/heartbeats.hpp"
#include "runtime/policy_switch.hpp"
#include "runtime/progress.hpp"
#include "runtime/replica_messages.hpp"
#include "runtime/restart_rules.hpp"
#include "runtime/step_watch.hpp"
#include "runtime/supervisor_effects.hpp"
#include "runtime/switch_rules.hpp"
#include "runtime/table_split.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lagrange::runtime {

struct supervisor_options {
  stamp self;
  progress_options job;
  std::uint64_t evaluate_every = 1000; ///< thousandths of an epoch; 0: never
  switch_watch_options switches;
  policy_maker find_policy;  ///< null: the policy is never switched
  table_split tables{{}, 1}; ///< over the job's shards
  learning_settings learning;
  restart_policy restart;
  std::uint32_t workers_min = 1; ///< with fewer left the job ends, whatever the rule says
  std::uint32_t places = 0;      ///< of workers; those beyond the job's are vacant until one joins
  std::set<worker_id> vacant;    ///< of the job's, since an earlier term
  std::string build;             ///< of this program, that others must have; empty: any may join
  heartbeat_options silence;
  step_watch_options steps;
  cut_schedule_options cuts;
  adoption_options adoption;
  std::map<actor_name, incarnation> lives; ///< that this term begins with; those left out: 1
  /// A node that has not joined by then counts as lost.
  std::chrono::milliseconds start_deadline{30'000};
  /// A job that ends waits so long for its last figures and for its nodes.
  std::chrono::milliseconds end_deadline{5'000};
};

class supervisor {
public:
  supervisor(supervisor_options options, time_point now);
  supervisor_effects start(time_point now);
  /// A node joined, ready to host the actor.
  supervisor_effects on_join(actor_life who, std::int64_t pid, time_point now);
  /// A node returned that another supervisor has left.
  supervisor_effects on_return(const returned_node& node, time_point now);
  /// The actor is up on its node.
  supervisor_effects on_ready(actor_life who, time_point now);
  /// A process ended or a connection closed; `cause` as in "was killed (signal 9)".
  supervisor_effects on_loss(actor_life who, const std::string& cause, time_point now);
  /// Another actor has lost its link to it, which says that one of the two is cut off.
  supervisor_effects on_link_loss(actor_life who, const std::string& cause, actor_life by,
                                  time_point now);
  // Workers that come and go (supervisor_elastic.cpp).
  /// The place is held for the node until it says hello, or does not.
  join_answer on_join_request(const join_request& wish, time_point now, supervisor_effects& out);
  membership_answer on_question(const membership_question& asked) const;
  drain_receipt on_drain_request(const drain_request& wish, time_point now,
                                 supervisor_effects& out);
  /// A node could not be started at all.
  supervisor_effects on_launch_failure(actor_life who, const std::string& cause, time_point now);
  supervisor_effects on_follows(const replica_follows& news);
  /// A shard or the feeder has the view.
  void on_view_ack(const view_ack& ack);

  supervisor_effects on_report(const worker_report& report, time_point now);
  supervisor_effects on_report(const shard_report& report, time_point now);
  supervisor_effects on_report(const feeder_report& report, time_point now);
  supervisor_effects on_evaluation(const ops::scores& found, double epoch, time_point now);
  /// Some of the last parameters have come: a large table takes longer than any deadline.
  void on_parameters(time_point now);
  /// The last figures and parameters of every shard are here.
  supervisor_effects on_figures(time_point now);
  /// Switches the policy, once the switches asked for before are done.
  switch_receipt on_switch_request(const switch_request& wish, time_point now,
                                   supervisor_effects& out);
  supervisor_effects on_switch_ack(const switch_ack& ack, time_point now);
  /// An actor's part of a cut is on the disk, or cannot be.
  supervisor_effects on_part(const part_report& part, time_point now);
  /// A whole cut is written down as such, or cannot be: `failure` says why.
  supervisor_effects on_kept(cut_number cut, const std::string& failure, time_point now);
  /// The job ends in order: once a last cut is kept, if cuts are made.
  supervisor_effects on_stop(time_point now);
  supervisor_effects on_failure(const std::string& cause, time_point now);
  /// A few times a second.
  supervisor_effects on_tick(time_point now);

  /// Epochs whose leases are all closed.
  std::uint32_t epochs_finished() const { return progress_.epochs_finished(); }
  /// At which the last evaluation was due.
  double epochs_evaluated() const { return static_cast<double>(evaluated_.value_or(0)) / 1000; }
  job_phase phase() const { return phase_; }
  job_outcome outcome() const { return outcome_; }
  /// Why the job failed; empty if it did not.
  const std::string& cause() const { return cause_; }
  /// Who took the term with it, if somebody did; the job may go on in another.
  const std::optional<term_fall>& fall() const { return fall_; }
  /// Recoveries of workers so far, each until its next life's first step. Units: milliseconds.
  const std::vector<double>& recoveries_ms() const { return progress_.recoveries_ms(); }
  const stamp& self() const { return options_.self; }
  const table_split& tables() const { return options_.tables; }
  membership_view view() const;
  job_status status(time_point now) const;
  summary summarise() const;
  /// Of the workers that the job began with: drained, or taken by a node that joined.
  std::set<worker_id> vacant() const;
  std::vector<worker_share> shares() const { return progress_.shares(); }
  /// The highest number of a cut that was ordered: who is placed now comes after it.
  cut_number last_cut() const { return cuts_.last(); }

private:
  enum class place_state : std::uint8_t {
    waiting,
    starting,
    joined,
    placed,
    running,
    lost,
    ended,
    vacant
  };
  struct place {
    incarnation life;
    place_state state = place_state::waiting;
    std::int64_t pid = 0;
    time_point due; ///< waiting: when to launch; starting: when to give up
    std::uint32_t restarts = 0;
    std::optional<time_point> lost_at;
    std::string cause;           ///< of that
    view_number lost_view;       ///< the first that tells of it
    std::vector<lease_id> freed; ///< by it, once the feeder has that view
    bool was_fenced = false;     ///< as in member
    bool is_given_up = false;
    bool was_lived = true;   ///< the others may know of a life here
    bool is_guest = false;   ///< its node joined by itself, so that nobody here can start it again
    bool is_leaving = false; ///< it is drained
    double unsent = -1;      ///< as its last report says
    std::optional<std::pair<actor_life, time_point>>
        doubt;                         ///< a guest: link that it lost, and when
    view_number acknowledged;          ///< feeder and shards: the view that they have
    std::optional<actor_life> process; ///< of a promoted replica: what its process is called
    incarnation follows;     ///< of a replica: the life of its shard all of which it has; 0: none
    incarnation placed_with; ///< of a shard: its replica that has begun alike; 0: none
  };
  struct death {
    std::string cause;
    bool is_fence = false; ///< by the supervisor's order, and not by what was computed
  };
  place* find(actor_life who);
  bool is_up(actor_role role) const;
  void launch(actor_name name, place& where, time_point now, supervisor_effects& out);
  void go_on_adopting(time_point now, supervisor_effects& out);
  void adopt(time_point now, supervisor_effects& out);
  void place_if_possible(actor_name name, place& where, supervisor_effects& out);
  void lose(actor_life who, place& where, const death& how, time_point now,
            supervisor_effects& out);
  void lose_restartable(actor_life who, place& where, const death& how, time_point now,
                        supervisor_effects& out);
  void add_vacant(time_point now);
  void lose_for_good(actor_life who, place& where, const death& how, time_point now,
                     supervisor_effects& out);
  void vacate(actor_name name, place& where, time_point now, const std::string& farewell);
  void welcome(actor_life who, place& where, time_point now, supervisor_effects& out);
  void finish_drains(const feeder_report& report, time_point now, supervisor_effects& out);
  void lose_doubted(time_point now, supervisor_effects& out);
  std::uint32_t workers_least() const { return std::max(options_.workers_min, 1U); }
  bool may_give_up(actor_name name, const restart_rules::verdict& found) const;
  void give_up(actor_name name, place& where, const std::string& why, supervisor_effects& out);
  actor_life resolved(actor_life process) const;
  static actor_life process_of(actor_name name, const place& where);
  bool may_promote(actor_life shard) const;
  void promote(actor_life who, place& where, const death& how, time_point now,
               supervisor_effects& out);
  void renew(place& where, time_point due);
  void offer_replica(actor_life who, supervisor_effects& out) const;
  void check_replica(actor_name shard, const place& where, supervisor_effects& out) const;
  bool is_replica_in_use(actor_name name) const;
  void use_up(actor_name name, place& where);
  void lose_replica(actor_life who, place& where, const death& how, time_point now,
                    supervisor_effects& out);
  std::string describe_promotion(actor_life who, const place& where, time_point now) const;
  void restart(actor_life who, place& where, time_point due, time_point now);
  void fall(actor_life who, const std::string& cause, supervisor_effects& out);
  void restart_others(actor_name dead, time_point due, time_point now, supervisor_effects& out);
  std::string describe_return(actor_life who, const place& where, time_point now) const;
  void change_view(time_point now, supervisor_effects& out);
  void hear(const stamp& from, time_point now);
  void lose_silent(time_point now, supervisor_effects& out);
  void lose_hung(time_point now, supervisor_effects& out);
  void tell_set_aside(const feeder_report& report, supervisor_effects& out);
  bool is_view_missed() const;
  void end(job_outcome outcome, const std::string& cause, time_point now, supervisor_effects& out);
  void go_on_cutting(time_point now, supervisor_effects& out);
  std::uint64_t passed_of(const feeder_report& report) const;
  void note_if_all_ended();
  void go_on_switching(time_point now, supervisor_effects& out);

  supervisor_options options_;
  std::map<actor_name, place> places_;
  std::map<actor_life, actor_life> promoted_; ///< replicas, to what they are now
  std::map<actor_life, std::string> left_;    ///< lives that are over, in words for their nodes
  std::set<actor_life> guests_;               ///< lives of guests, ever
  std::vector<std::string> came_, went_, given_up_; ///< names, in order
  std::map<actor_role, std::uint32_t> places_by_role_;
  std::map<actor_role, std::uint32_t> running_; ///< of those
  progress progress_;
  policy_switch switch_;
  switch_watch rules_;
  diagnosis diagnosis_;
  heartbeats heartbeats_;
  step_watch steps_;
  std::size_t told_set_aside_ = 0; ///< leases
  restart_rules restarts_;
  cut_schedule cuts_;
  adoption adoption_;
  std::optional<time_point> stop_by_; ///< a stop waits so long for its cut
  job_phase phase_ = job_phase::starting;
  job_outcome outcome_ = job_outcome::done;
  std::string cause_;
  std::optional<term_fall> fall_;
  time_point end_by_;
  time_point view_sent_;
  std::optional<std::uint64_t> evaluated_; ///< thousandths of an epoch; none: not yet known
};

} // namespace lagrange::runtime
