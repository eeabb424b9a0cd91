/// \file
/// The shard's twin: it owns some of the parameters and their optimizer state, admits pulls by the
/// policy and applies whole pushes. It decides; actors::shard speaks.
///
/// Invariants: CL-1, CL-2, SH-1, SH-2, LE-1, BP-1 (one parked pull and one staged push per worker).
/// Papers: Li et al. 2014 (parameter server), Ho et al. 2013 (bounded staleness).
#pragma once

#include "runtime/clock_table.hpp"
#include "runtime/journal.hpp"
#include "runtime/lease_set.hpp"
#include "runtime/messages.hpp"
#include "runtime/read_copies.hpp"
#include "runtime/reports.hpp"
#include "runtime/rounds.hpp"
#include "runtime/shard_parameters.hpp"
#include "runtime/shard_state.hpp"
#include "runtime/staleness/policy.hpp"
#include "runtime/switch_messages.hpp"

#include <map>
#include <memory>
#include <vector>

namespace lagrange::runtime {

/// Names a request that is yet to be answered.
using ticket = strong<struct ticket_tag, std::uint64_t>;

template <class Reply>
struct answer {
  ticket to;
  Reply what;
};

/// What a shard held at a cut. In the journal its state is the last entry before it.
struct captured_shard {
  std::shared_ptr<shard_state> state; ///< but for the number of records in the journal
  std::size_t entries = 0;            ///< of the effects it comes with, that are in it
};

/// What a shard wants done, in this order.
struct shard_effects {
  std::vector<journal_entry> entries;
  std::optional<captured_shard> captured;
  std::vector<answer<pull_reply>> pulls;
  std::vector<answer<push_ack>> pushes;
  std::vector<answer<error>> refused; ///< pulls or pushes
};

struct shard_options {
  shard_id id;
  stamp self;                ///< life 0: a replica, which answers nobody before it is promoted
  std::uint32_t workers = 1; ///< that the term begins with
  std::uint32_t places = 0;  ///< of workers, with those that may join; fewer than `workers`: those
  std::unique_ptr<staleness_policy> policy; ///< until it is switched
  policy_maker find_policy;                 ///< null: it never is
  parameter_options parameters;             ///< its seed also draws for policies
  cut_number cut{};                         ///< the last one of the job before this life
  /// Updates between two hashes of the parameters in the journal; 0: none, and no checksums of
  /// pushes either.
  std::uint64_t hash_every = 0;
  std::uint32_t shards = 1; ///< of the job
  /// What to go on from; null: a fresh shard.
  std::shared_ptr<const shard_state> restored;
  std::uint32_t room() const { return places > workers ? places : workers; }
};

class number_stream;

/// All that a shard holds in the middle of its work, but for what its workers are to ask and push
/// again: a captured state, and the rest as numbers.
struct shard_filling {
  std::shared_ptr<shard_state> state;
  std::vector<std::uint64_t> numbers;
};
/// What a state is made of, but for its numbers, in an order that two shards of the same options
/// share.
std::vector<ops::tensor*> filled_arrays(shard_state& x);

class shard {
public:
  /// Requires: a policy, an optimizer made for as many elements as there are parameters.
  /// A restored one also requires the state of a shard of the same parameters, and a maker for each
  /// policy that it was switched to.
  explicit shard(shard_options options);

  /// A pull is answered now, or parked until the policy admits it.
  shard_effects on_pull(const pull_request& pull, ticket to, time_point now);
  /// Stages a frame; when its push is whole, applies it (or keeps it for its round).
  shard_effects on_push(std::shared_ptr<const gradient_push> frame, ticket to, time_point now);
  shard_effects on_view(const membership_view& view, time_point now);
  /// What to ask the feeder now, until it answers: under a policy with a quorum, once a push of the
  /// round is in.
  std::optional<round_request> wanted_closing() const;
  /// Applies the round as the feeder closed it. Of a round that is closed already: nothing.
  shard_effects on_closing(const round_closing& closing, time_point now);
  /// Hold or commit of a switch of the policy. The acknowledgement is for the supervisor; none: the
  /// order is not for this shard.
  std::optional<switch_ack> on_switch(const switch_order& order, time_point now,
                                      shard_effects& out);
  /// What the shard holds, whatever the policy: its parameters, or the rows that are asked for.
  /// Errors: bad_frame, for rows that it does not have.
  result<pull_reply> on_snapshot(const snapshot_request& asked);
  /// Notes the hash of the parameters, unless that of this version is noted already.
  shard_effects note_state();
  /// The settlement to send now: the one that is not acknowledged yet, or else all leases settled
  /// since. Without leases: there is nothing to say.
  settlement next_settlement();
  void on_settlement_ack(const settlement_ack& ack);
  /// Whether next_settlement() would have leases.
  bool has_news() const { return !unreported_.empty(); }

  /// A replica goes on as this life of its shard. Pulls that waited and pushes that were not whole
  /// are given up: whoever made them hears of it, and makes them again.
  void promote(const stamp& self);

  /// All that a shard has to know to go on from here, `records` apart, which its port counts.
  /// Requires: no push is kept for a round that is open.
  /// Cost: in the step loop, so it only copies: shard_parameters::capture().
  std::shared_ptr<shard_state> capture(cut_number cut);

  /// For a replica that begins here. Pulls that wait, pushes that are not whole and copies of what
  /// was read are given up, as the replica has none. None: first the open round has to be applied.
  std::optional<shard_filling> begin_filling(shard_effects& out);
  /// Of a replica: the state that fill() takes, its arrays still to be written.
  std::shared_ptr<shard_state> unfilled();
  /// Errors: bad_frame, and then this twin is of no use any more.
  result<void> fill(const std::shared_ptr<shard_state>& with,
                    std::span<const std::uint64_t> numbers);

  shard_report report() const;
  const shard_parameters& parameters() const { return parameters_; }
  view_number view() const { return clocks_.view(); }
  const stamp& self() const { return options_.self; }

private:
  struct parked_pull {
    pull_request pull;
    ticket to;
    time_point asked;
  };
  struct staged_push {
    incarnation life;
    worker_clock clock;
    lease_id what;
    std::vector<std::shared_ptr<const gradient_push>> frames; ///< by number; null: not here yet
    std::size_t arrived = 0;
    std::uint64_t elements = 0; ///< of the frames that are here
    std::size_t rows = 0;       ///< of tables, likewise
  };
  struct kept_push {
    whole_push frames;
    std::uint32_t checksum = 0;
    const gradient_push& closing() const { return *frames.back(); }
  };
  /// The one round that is open: the feeder opens none before every shard has applied the last.
  struct round {
    std::uint64_t number = 0;
    std::map<lease_id, kept_push> pushes;
    /// Clocks that move when it is applied, and no earlier: a pull of the next round has to wait.
    std::map<worker_id, std::pair<incarnation, worker_clock>> clocks;
  };

  bool is_foreign(const stamp& from) const;
  bool is_replica() const { return options_.self.life == incarnation{}; }
  /// A policy, and the clock from which on it judges pulls.
  struct ruling {
    worker_clock first;
    std::unique_ptr<staleness_policy> policy;
    std::string text{}; ///< as in "ssp:8"; empty for the job's own
  };
  const staleness_policy& policy_at(worker_clock clock) const;
  void rule(std::unique_ptr<staleness_policy> policy, worker_clock first);
  void switch_policy(const switch_order& order, time_point now, shard_effects& out);
  void park(const pull_request& pull, ticket to, time_point now, shard_effects& out);
  /// Asks the policy for all that wait, or for the newcomer alone where the others wait as before.
  void admit_parked(time_point now, shard_effects& out,
                    std::optional<worker_id> newcomer = std::nullopt);
  std::uint64_t draw_of(worker_id worker, worker_clock clock) const;
  pull_reply serve(const pull_request& pull, worker_clock slowest, shard_effects& out);

  error find_defect(const gradient_push& frame) const;
  /// Adds the frame to its push, and gives the push if that made it whole. A push that cannot
  /// become one is discarded, and its defect returned.
  error stage(const std::shared_ptr<const gradient_push>& frame, whole_push& whole);
  error find_gap(const whole_push& push) const;
  push_ack acknowledge(const gradient_push& frame, push_outcome outcome) const;
  push_outcome settle_clock(const gradient_push& frame, time_point now, shard_effects& out);
  void finish_step(const gradient_push& closing, time_point now);
  push_outcome repeat(const gradient_push& frame, time_point now, shard_effects& out);
  /// Captures what it holds, unless it has made that cut. Requires: no push of an open round.
  void make_cut(cut_number cut, shard_effects& out);
  void take_whole(whole_push push, time_point now, shard_effects& out);
  void take(const whole_push& push, std::uint32_t checksum, time_point now, shard_effects& out);
  void take_into_round(kept_push push, time_point now, shard_effects& out);
  void exclude(lease_id id, shard_effects& out);
  void apply_round(time_point now, shard_effects& out);
  void count_applied(std::uint64_t staleness);
  journal_entry& note(journal_kind kind, const gradient_push& closing, shard_effects& out) const;
  journal_entry& settle(const gradient_push& closing, lease_outcome outcome, shard_effects& out);
  static lease_outcome outcome_of(const gradient_push& closing); ///< by its verdict
  void note_state_if_due(shard_effects& out);
  void restore(const shard_state& from);
  bool pass(number_stream& words);

  shard_options options_;
  std::uint64_t seed_; ///< of the job
  clock_table clocks_;
  std::vector<ruling> rulings_;         ///< by clock; at least one
  bool has_rounds_ = false;             ///< by the last ruling
  bool looks_at_slowest_alone_ = false; ///< by all of them
  worker_clock unadmitted_;             ///< no pull of this clock or a later one was admitted
  std::optional<worker_clock> held_;    ///< from this clock on nothing is admitted for now
  std::uint64_t switches_ = 0;          ///< that are in force
  shard_parameters parameters_;
  shard_version version_;
  cut_number cut_;     ///< the last one made
  read_copies copies_; ///< if gradients are compensated
  std::map<worker_id, parked_pull> parked_;
  std::optional<worker_clock>
      asked_for_; ///< slowest clock when all parked pulls were last asked for
  std::map<worker_id, staged_push> staged_;
  round round_;
  std::optional<round_quorum> quorum_; ///< by the last ruling
  lease_set taken_;   ///< pushes that came whole: kept for a round, applied or dropped
  lease_set entered_; ///< leases whose gradients are in the parameters
  /// What each worker's residual has to know, the last one first.
  std::map<worker_id, std::array<lease_attempt_id, 2>> last_taken_;
  std::vector<settled_lease> unreported_;
  std::size_t reporting_ = 0; ///< leases in the settlement under way
  std::uint64_t settlement_number_ = 1;
  std::optional<shard_version> hashed_; ///< the version whose hash was noted last
  shard_report counts_;
};

} // namespace lagrange::runtime
