/// \file
/// What a replay keeps of each worker, each shard and each step while it goes on. Internal to
/// replay.cpp.
#pragma once

#include "runtime/replay.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace lagrange::runtime {

/// A worker.
struct replay::lane {
  std::size_t next = 0, end = 0; ///< of its steps: those that are not computed yet
  incarnation life{};
  bool is_fresh = false; ///< the life has computed nothing yet
  lasting_memory memory{};
  std::unique_ptr<computation> computes{};
  std::vector<settled_push> settled{}; ///< not yet told to what computes

  std::vector<std::byte> copy_memory() const {
    if (!memory) return {};
    return {memory->begin(), memory->end()};
  }
  /// Forgets the last step of a life, whose residual before it this is.
  void begin_again(const std::vector<std::byte>& residual) {
    computes.reset();
    if (residual.empty())
      memory.reset();
    else if (memory)
      std::ranges::copy(residual, memory->begin());
  }
};

/// A batch, and the rows of the tables that its step needs; null without tables.
struct replay::dealt_lease {
  std::shared_ptr<const lease_grant> grant;
  std::shared_ptr<const row_plan> plan;
};

/// A gradient that shards are still to apply.
struct replay::made_step {
  push_verdict verdict = push_verdict::apply;
  float clip_scale = 1;
  std::uint32_t samples = 0;
  std::vector<whole_push> pushes; ///< by shard
  std::vector<ops::tensor> then;  ///< by shard, what they were computed from; empty unless needed
  std::size_t uses = 0;           ///< shards that have yet to apply it
};

/// A shard.
struct replay::shelf {
  shelf(shard_id which, parameter_options options) : id(which), numbers(std::move(options)) {}

  /// Updates made before this recorded version: fewer, if some are left out.
  std::uint64_t made_before(shard_version version) const { return made_at[version.value]; }
  std::vector<std::vector<float>> copy_of_tables() const {
    std::vector<std::vector<float>> made;
    for (const auto& each : numbers.tables().tables()) made.push_back(each.values);
    return made;
  }
  std::shared_ptr<const pull_reply> snapshot() {
    auto reply = std::make_shared<pull_reply>();
    reply->version = version;
    reply->samples = numbers.samples_applied();
    reply->parameters = numbers.snapshot(version);
    return reply;
  }
  /// Keeps this version, as a worker gets it, until all its readers have computed.
  void publish() {
    auto reply = std::make_shared<pull_reply>();
    reply->version = version;
    reply->samples = numbers.samples_applied();
    numbers.publish(version, std::nullopt, *reply);
    if (numbers.compensates()) copies[version] = numbers.snapshot(version);
    kept[version] = std::move(reply);
  }
  /// The step has computed.
  void release(shard_version read, std::size_t step) {
    if (const auto of = rows.find(read); of != rows.end()) of->second.erase(step);
    const auto of = readers.find(read);
    of->second.erase(step);
    if (!of->second.empty()) return;
    readers.erase(of);
    kept.erase(read);
    copies.erase(read);
    rows.erase(read);
  }

  shard_id id;
  shard_parameters numbers;
  std::size_t next = 0;                                   ///< update
  shard_version version;                                  ///< as the journal counts
  std::uint64_t made = 0;                                 ///< updates
  std::vector<std::uint64_t> made_at;                     ///< by version
  std::map<shard_version, std::set<std::size_t>> readers; ///< steps
  std::map<shard_version, std::shared_ptr<const pull_reply>> kept;
  std::map<shard_version, ops::tensor> copies;                      ///< of those, for compensation
  std::map<shard_version, std::map<std::size_t, ops::tensor>> rows; ///< of tables, by step
  // At options.until.
  std::shared_ptr<const pull_reply> end;
  std::vector<std::vector<float>> end_tables;
};

} // namespace lagrange::runtime
