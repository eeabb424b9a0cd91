/// \file
/// The feeder's twin: it deals leases in a seeded order to whoever asks, deals them again when
/// their holder dies, and closes each when every shard has settled it. It knows positions of
/// samples, not samples; actors::feeder fetches those.
///
/// Invariants: LE-1, SH-2 (a lease dealt again keeps its id), BP-1 (one parked request per worker).
#pragma once

#include "runtime/cut_messages.hpp"
#include "runtime/data/augment.hpp"
#include "runtime/feeder_past.hpp"
#include "runtime/lease_deadlines.hpp"
#include "runtime/lease_deaths.hpp"
#include "runtime/lease_set.hpp"
#include "runtime/reports.hpp"
#include "runtime/rounds.hpp"
#include "runtime/shard.hpp"
#include "runtime/switch_messages.hpp"

#include <map>
#include <set>
#include <vector>

namespace lagrange::runtime {

/// How leases are dealt under a policy.
struct dealing_rule {
  std::uint32_t round_size = 0;       ///< leases of a round; 0: leases are dealt without rounds
  std::optional<round_quorum> quorum; ///< of a round; none: it waits for all of its leases
  /// A lease that takes much longer than others is dealt to another worker as well. It helps only
  /// where nobody waits for the clock of its holder.
  bool deals_overdue = false;
  bool operator==(const dealing_rule&) const = default;
};

struct feeder_options {
  stamp self;
  std::uint64_t samples = 1; ///< of the data set
  std::uint32_t batch = 1;   ///< samples of a lease, or of each of its batches
  /// Of a lease for the fastest worker; the others get fewer, by their speed. 1: all are alike.
  std::uint32_t batches_max = 1;
  std::uint32_t epochs = 1;
  std::uint64_t seed = 0;
  std::uint32_t workers = 1;
  std::uint32_t shards = 1;
  dealing_rule rule; ///< until the policy is switched
  std::function<dealing_rule(const std::string& policy)> find_rule; ///< null: it never is
  augmentation changes = augmentation::none; ///< of the samples, when they are fetched
  cut_number cut{};                          ///< the last one of the job before this life
  std::vector<incarnation> lives; ///< of workers, that this term begins with; those left out: 1
  std::shared_ptr<const feeder_past> past; ///< null: this term begins the job
  /// A lease that so many workers died with is set aside; 0: none is.
  std::uint32_t batch_deaths = 3;
};

/// Ids of leases in the whole job. Units: leases, or their batches where they have several.
std::uint64_t leases_of(const feeder_options& x);
std::uint32_t epoch_of(const feeder_options& x, lease_id id);
/// The samples of a lease: positions in the data set, a part of the epoch's permutation.
/// Requires: a lease within an epoch.
std::vector<std::uint32_t> samples_of(const feeder_options& x, const lease& what);
std::uint64_t sample_count(const feeder_options& x, const lease& what);
/// Batches of a lease with so many samples.
std::uint32_t batches_of(const feeder_options& x, std::uint64_t samples);
/// What a worker's lease has of `most` batches, so that all push about equally often: the share
/// that it computes in the time in which the fastest computes all, but at least one.
/// Requires: times above 0.
/// Paper: Liu et al. 2024 (dynamic local updates).
std::uint32_t dynamic_batches(std::uint32_t most, std::chrono::nanoseconds own_batch,
                              std::chrono::nanoseconds fastest_batch);

/// A grant whose samples the shell has to fetch before it answers.
struct dealt_grant {
  ticket to;
  lease_grant grant;
  std::vector<std::uint32_t> samples; ///< positions in the data set; empty unless a batch
};

struct feeder_effects {
  std::vector<dealt_grant> grants;
  std::vector<answer<error>> refused;
  std::vector<std::pair<shard_id, round_closing>> closings; ///< to shards that asked
  std::optional<switch_ack> switched;                       ///< to the supervisor
  std::optional<std::chrono::nanoseconds> wake_after;       ///< call on_wake then
};

class feeder {
public:
  /// Requires: every count at least 1, except round_size; no rounds of leases that differ.
  explicit feeder(feeder_options options);

  /// Answered now, or parked until there is a lease or the job is finished.
  feeder_effects on_request(const lease_request& request, ticket to, time_point now = {});
  feeder_effects on_settlement(const settlement& settled, time_point now);
  feeder_effects on_view(const membership_view& view, time_point now);
  /// Answered when the round is closed.
  feeder_effects on_round_request(const round_request& asked);
  /// Drain or resume of a switch of the policy; a drain is acknowledged once it is done.
  feeder_effects on_switch(const switch_order& order, time_point now);
  /// Leases that are dealt from now on come after the cut; under rounds those of later rounds, so
  /// that all shards make it between the same two.
  void on_cut(const cut_order& order);
  /// The time asked for by wake_after is over.
  feeder_effects on_wake(time_point now);
  /// A few times a second: deals again what is overdue.
  feeder_effects on_tick(time_point now);

  feeder_report report() const;
  /// Epochs whose leases are all closed.
  std::uint32_t epochs_finished() const;
  bool is_finished() const { return closed_.watermark().value >= leases(); }
  /// As leases_of().
  std::uint64_t leases() const { return leases_of(options_); }
  view_number view() const { return view_; }
  /// What the deaths that the last view told of gave back.
  const std::vector<given_back>& given_back_by_view() const { return given_back_by_view_; }
  /// Workers that leave, and have nothing open any more.
  std::vector<actor_life> drained() const;
  const stamp& self() const { return options_.self; }

private:
  struct open_lease {
    lease what;
    worker_id holder;
    incarnation life;
    std::set<shard_id> settled;
    std::set<shard_id> kept;   ///< who has its push, for its round
    bool is_applied = false;   ///< at least one shard has applied it
    bool is_set_aside = false; ///< at least one shard has heard that it is given up
  };
  struct asking_worker {
    incarnation life;
    bool is_dead = false;
    bool is_leaving = false; ///< gets no lease any more
    bool is_counted = false; ///< has a clock that others may start from
    worker_clock clock;
    std::uint64_t answered = 0;             ///< sequence of the last answered request
    dealt_grant last;                       ///< the answer, for when it gets lost
    std::chrono::nanoseconds batch_time{0}; ///< as its requests say; 0: not known
  };
  struct parked_request {
    lease_request request;
    ticket to;
  };

  bool has_rounds() const { return rule_.round_size > 0; }
  bool is_fenced(const stamp& from) const;
  bool has_nothing_left() const;
  void deal(feeder_effects& out);
  bool deal_to(worker_id worker, const parked_request& asked, feeder_effects& out);
  /// The grant for a request, if there is one now.
  bool choose(const lease_request& request, dealt_grant& chosen);
  std::optional<lease_id> choose_again(const lease_request& request) const;
  bool choose_lease(lease_id end, const lease_request& request, dealt_grant& chosen);
  void take_up(const feeder_past& past);
  incarnation first_life(worker_id worker) const;
  worker_clock start_clock(const lease_request& request) const;
  lease describe(lease_id id, worker_id to) const;
  std::uint32_t batches_for(worker_id worker, lease_id first) const;
  lease_id end_of_epoch(lease_id id) const;
  // When workers die (feeder_deaths.cpp):
  void give_back(worker_id worker, incarnation up_to, bool was_fenced);
  std::vector<lease_id> suspects_of(worker_id worker, incarnation up_to) const;
  void set_aside(const lease& what);
  bool computes_suspect(worker_id worker) const;
  void open_next_rounds();
  void begin_round(lease_id first);
  // While the policy is switched (feeder_switch.cpp):
  bool is_between_rounds() const;
  bool is_drained() const;
  void note_if_drained(feeder_effects& out);
  void go_on(const dealing_rule& rule, std::uint64_t round);
  // Under a quorum (feeder_rounds.cpp):
  bool choose_in_quorum(const lease_request& request, dealt_grant& chosen);
  void note_kept(lease_id id, shard_id by);
  std::uint64_t outstanding() const;
  std::uint64_t needed() const;
  std::uint64_t expected() const;
  bool is_all_in() const;
  void close_round_if_due(time_point now, feeder_effects& out);

  feeder_options options_;
  std::uint64_t leases_per_epoch_;
  lease_id fresh_; ///< the lowest id that was never dealt
  dealing_rule rule_;
  cut_number cut_, round_cut_; ///< the last one, and that of the round
  std::uint64_t round_ = 0;
  lease_id round_begin_, round_end_;     ///< of the round's leases, if it waits for them all
  std::set<worker_id> served_;           ///< who has had its grant in the round, under a quorum
  std::optional<switch_order> draining_; ///< what for
  std::uint64_t switches_ = 0;           ///< that are over
  std::set<lease_id> arrived_;    ///< of the round, under a quorum: every shard has their push
  std::optional<time_point> due_; ///< when the round is closed at the latest
  bool is_closed_ = false;        ///< and waits for the shards to apply it
  round_closing closing_;         ///< the last one
  std::set<shard_id> asking_;     ///< who waits for the next one
  std::map<lease_id, open_lease> open_;
  std::set<lease_id> again_; ///< open leases whose holder died, or is late
  lease_deaths deaths_;
  lease_deadlines deadlines_;
  time_point now_{};                           ///< of what is being answered
  std::vector<given_back> given_back_;         ///< since the last view
  std::vector<given_back> given_back_by_view_; ///< until then
  std::set<worker_id> held_back_;              ///< parked, because they compute a suspect
  lease_set closed_;
  std::map<worker_id, asking_worker> workers_;
  std::map<worker_id, parked_request> parked_;
  view_number view_;
  feeder_report counts_;
};

} // namespace lagrange::runtime
