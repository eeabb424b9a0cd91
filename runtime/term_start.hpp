/// \file
/// What a term of a run begins with, as every actor of it is told when it is placed: the beginning
/// of the job, or a cut of an earlier term. A recovery is a new term: everybody goes back together.
#pragma once

#include "runtime/ids.hpp"
#include "runtime/journal_file.hpp"

#include <map>
#include <string>
#include <vector>

namespace lagrange::runtime {

struct term_start {
  std::string checkpoints;            ///< folder of the run's cuts
  cut_number cut;                     ///< that everybody goes back to; 0: the job begins
  supervisor_term term;               ///< whose journals the cut belongs to
  std::vector<std::uint64_t> records; ///< of those journals that count, by shard
  /// The first of every worker in this term, by worker: no life of a run has two. Empty: 1 each.
  std::vector<incarnation> lives;

  bool is_of_a_cut() const { return cut.value > 0; }
  incarnation life_of(worker_id worker) const {
    return worker.value < lives.size() ? lives[worker.value] : incarnation{1};
  }
  journal_origin origin_of(shard_id shard) const {
    return shard.value < records.size() ? journal_origin{term, records[shard.value]}
                                        : journal_origin{};
  }
  std::vector<journal_origin> origins() const {
    std::vector<journal_origin> made;
    for (const auto each : records) made.push_back({term, each});
    return made;
  }
  bool operator==(const term_start&) const = default;
};

/// The lives that the actors of a term begin with. Each shard and the feeder live once in a term,
/// so that its number is theirs; workers count on.
inline std::map<actor_name, incarnation> first_lives(supervisor_term term, const term_start& start,
                                                     std::uint32_t workers, std::uint32_t shards) {
  std::map<actor_name, incarnation> made{{{actor_role::feeder, 0}, {term.value}}};
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    made[{actor_role::shard, shard}] = {term.value};
  for (std::uint32_t worker = 0; worker < workers; ++worker)
    made[{actor_role::worker, worker}] = start.life_of({worker});
  return made;
}

template <class Inspector>
auto inspect(Inspector& f, term_start& x) {
  return f(x.checkpoints, x.cut, x.term, x.records, x.lives);
}

} // namespace lagrange::runtime
