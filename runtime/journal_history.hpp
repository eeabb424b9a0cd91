/// \file
/// The journals of a run of several terms as one history for each shard: the records up to the
/// point that the next term went back to, and then that term's own. What an older journal holds
/// beyond that point was rolled back, and is no part of the history.
///
/// Invariant: RE-1 (what is replayed and audited is what the parameters are made of).
#pragma once

#include "runtime/feeder.hpp"
#include "runtime/journal_file.hpp"

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// One term of a run, and what became of its records.
struct history_term {
  supervisor_term term;
  journal_header head;           ///< of one shard's journal, as far as it was read
  std::uint64_t counted = 0;     ///< records of all shards that are in the history
  std::uint64_t rolled_back = 0; ///< records of all shards that are not
};

struct run_history {
  std::vector<journal> shards;     ///< by shard: the head of the last term, all records that count
  std::vector<history_term> terms; ///< ascending; those that left journals
};

/// Terms of the run in which every one of so many shards began a journal, ascending.
std::vector<supervisor_term> journal_terms(const std::filesystem::path& run, std::uint32_t shards);

/// What a shard recorded in one term: its first life, and then each promoted replica from where it
/// took over. What a life had written beyond that, nobody had heard of.
/// Errors: as read_history.
result<journal> read_term_journal(const std::filesystem::path& run, shard_id shard,
                                  supervisor_term term);

/// The history that the last of those terms tells. A later term in which some shard did not even
/// begin a journal has changed nothing.
/// Errors: bad_file, naming what is missing, damaged or too short, or does not belong together, and
/// what to do.
result<run_history> read_history(const std::filesystem::path& run, std::uint32_t shards);

/// The records of one shard that such a journal goes on from. Errors: as read_history.
result<std::vector<journal_entry>> read_records(const std::filesystem::path& run, shard_id shard,
                                                const journal_origin& until);

/// The batches of those leases of the history so far that have several; `continues` is by shard.
/// Requires: the feeder's options of the job. Errors: as read_history.
result<std::map<lease_id, std::uint32_t>> batches_told(const std::filesystem::path& run,
                                                       std::span<const journal_origin> continues,
                                                       const feeder_options& dealt);

/// Policies that the history so far was switched to, in order. Errors: as read_history.
result<std::vector<std::string>> switches_told(const std::filesystem::path& run,
                                               std::span<const journal_origin> continues);

/// The highest life of each worker that any journal of the run tells of, in the history or not; 0:
/// none. Journals that cannot be read tell of nobody.
std::vector<incarnation> lives_told(const std::filesystem::path& run, std::uint32_t shards,
                                    std::uint32_t workers);

} // namespace lagrange::runtime
