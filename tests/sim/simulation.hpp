/// \file
/// A whole job under CAF's deterministic scheduler: virtual time, a seeded order of events, faulty
/// links, crashes, and the invariants checked after every event. A seed determines everything.
#pragma once

#include "faulty_link.hpp"
#include "invariants.hpp"
#include "runtime/checkpoint_store.hpp"
#include "runtime/journal_file.hpp"

#include <set>
#include <string>

namespace lagrange::sim {

struct scenario {
  std::uint64_t seed = 1;
  std::string policy = "ssp:2";
  std::uint32_t workers = 3;
  std::uint32_t shards = 2;
  std::uint32_t epochs = 2;
  std::uint32_t crashes = 0; ///< of workers, at moments drawn from the job's first half
  std::uint32_t replicas = 0;
  /// Of shards or their replicas, each shard once, at moments drawn from the job's first half.
  std::uint32_t shard_crashes = 0;
  /// Ends of terms: a shard or the feeder dies, or everybody at once.
  std::uint32_t falls = 0;
  std::uint32_t joins = 0, drains = 0; ///< at moments drawn from the job's first two thirds
  std::uint32_t room = 0;              ///< for workers, beyond those that the job begins with
  link_faults faults;                  ///< of all links but those between a shard and its replica
  step_faults steps;
  std::uint32_t step_limit = 200'000; ///< events after which the job counts as hung (EN-1)
  std::string model = R"({name = "count"})";
  /// As in `{at = "8 samples", to = "asp"}`; the journals must tell of them all.
  std::vector<std::string> switches;
  std::vector<std::string> set; ///< further keys of the job, as in "codec.push=int8"
};

/// What a job held at a cut that is whole.
struct kept_cut {
  runtime::cut_manifest manifest;
  std::vector<runtime::shard_state> shards;
};

struct report {
  std::string breach; ///< seed, event and invariant; empty: every invariant held
  std::uint64_t fingerprint = 0;
  std::uint32_t events = 0;
  runtime::summary figures;
  std::vector<float> parameters;      ///< flat, of the end
  std::uint64_t expected_updates = 0; ///< what the model's integer gradients must add up to
  std::uint32_t promotions = 0;
  std::vector<runtime::journal> journals; ///< by shard
  std::vector<kept_cut> cuts;             ///< that are whole, ascending
  std::vector<std::string> told;          ///< by the supervisor, to people
  std::uint32_t terms = 1;
  std::set<runtime::actor_life> anew; ///< nodes that joined
  std::uint64_t rolled_back = 0;      ///< journal entries that are no part of the history
};

/// Runs the job to its end. The model is `count`: the gradient of every sample is 1 for every
/// parameter, and sgd with rate 1 counts the updates exactly.
report simulate(const scenario& chosen);

/// Recomputes a simulated run from its journals. Returns what differs, or why it cannot be done;
/// empty: every bit is the same.
std::string find_difference(const scenario& chosen, const report& recorded);

/// What is different when a cut's state is recomputed from the journals up to it, or why it cannot
/// be; empty: every bit is the same, and the journals say so.
std::string find_cut_difference(const scenario& chosen, const report& recorded,
                                const kept_cut& cut);

/// The command that repeats a failing scenario.
std::string repeat_command(const scenario& chosen);

} // namespace lagrange::sim
