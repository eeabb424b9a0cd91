/// \file
/// Recomputes a recorded run in one thread: the real computation of every worker, on the device
/// that the job deals to it, the real parameters and optimizer of every shard, each gradient from
/// the versions that were read, each update in the order in which its shard made it. What comes is
/// compared with the journals' hashes on the way, so the first difference is found where it arises.
///
/// Invariant: RE-1 (a recorded run replays to the same bits).
#pragma once

#include "runtime/assembly.hpp"
#include "runtime/data/dataset.hpp"
#include "runtime/replay_plan.hpp"
#include "runtime/row_plan.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace lagrange::runtime {

struct replay_options {
  /// Of every shard, this is the last update; none: the journal's.
  std::optional<shard_version> until;
  /// Whose pushes are left out. What comes then is another history, and is not compared.
  std::optional<worker_id> without;
  /// Lives of workers that began with nothing unsent, whatever the lives before them had left.
  std::set<actor_life> anew{};
};

/// What a replay works with. Requires: all of it outlives the replay.
struct replay_parts {
  const job& what;
  const catalog& rows;
  const data_facts& facts;
  const dataset& training;
};

class replay {
public:
  /// Requires: a plan of journals of this very job.
  replay(const replay_parts& parts, replay_plan plan, replay_options options);
  ~replay();

  /// Goes on until something differs or all is done. Errors: bad_file, when an update cannot be
  /// recomputed from what the journals hold, because one of them was cut off.
  result<void> run();

  /// The first thing that differs, as in "update 1234 of shard-1 (lease 881, worker-2) differs";
  /// empty: nothing did.
  const std::string& difference() const { return difference_; }
  /// Updates made so far, over all shards.
  std::uint64_t updates() const { return updates_; }
  /// What the shards hold, at `until` or their end, with whole tables.
  gathered_parameters parameters();

private:
  struct lane;
  struct shelf;
  struct made_step;
  struct dealt_lease;
  using versions = std::vector<shard_version>;

  bool is_left_out(const replay_step& step) const { return options_.without == step.worker; }
  bool is_done(const shelf& at) const;
  bool advance_one();
  bool advance(shelf& at);
  void apply(shelf& at, const replay_update& what);
  void apply_round(shelf& at, const replay_update& what);
  void note_version(shelf& at, shard_version now);
  /// Of a model with tables: what the readers of this version read of its rows.
  void keep_rows(shelf& at, shard_version now);
  bool is_applied(const replay_step& step, std::size_t place) const;
  void use_up(std::size_t place);

  void compute_rest();
  bool compute_up_to(std::size_t place);
  void compute(lane& by, std::size_t place);
  void prepare(lane& by, const replay_step& step);
  /// What the feeder dealt for a step, and the rows of the tables that it needs.
  const dealt_lease& lease_of(std::size_t place);
  made_step gradient_of(lane& by, std::size_t place, const versions& read);
  step_task task_of(lane& by, std::size_t place, const versions& read);
  /// Every choice of versions that the step may have read; one, unless its worker asked twice.
  std::vector<versions> readings_of(const replay_step& step) const;
  bool is_readable(const replay_step& step) const;
  std::string compare(const replay_step& step, const made_step& made) const;
  std::string find_missing() const;

  replay_parts parts_;
  replay_plan plan_;
  replay_options options_;
  feeder_options dealing_;
  table_split tables_;
  plan_maker planner_;                       ///< null: a model without tables
  std::map<std::size_t, dealt_lease> dealt_; ///< by step, until it is computed
  bool is_stuck_ = false; ///< no shard can go on if all that may have been read has to be there
  std::vector<std::unique_ptr<shelf>> shelves_; ///< by shard
  std::map<worker_id, std::unique_ptr<lane>> lanes_;
  std::vector<std::unique_ptr<made_step>> made_; ///< by step; null: not computed, or used up
  std::string difference_;
  std::uint64_t updates_ = 0;
};

} // namespace lagrange::runtime
