/// \file
/// Messages and twins in one line each, for tests that are about decisions and not about fields.
/// Everything belongs to job 7, term 1; lives start at 1.
#pragma once

#include "runtime/conformance/twin_parts.hpp"
#include "runtime/feeder.hpp"
#include "runtime/shard.hpp"
#include "runtime/supervisor.hpp"
#include "runtime/worker.hpp"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace lagrange::tests {

inline runtime::time_point at(std::chrono::milliseconds since) {
  return runtime::time_point{} + since;
}

using runtime::counting_optimizer, runtime::live, runtime::parts_of, runtime::stamp_of,
    runtime::tensor_of, runtime::view_of, runtime::worker_stamp;

inline std::unique_ptr<runtime::staleness_policy> policy_of(std::string_view spec) {
  return runtime::make_policy(runtime::policies(), spec).value();
}

/// A shard of zeros that counts.
inline runtime::shard_options shard_of(std::string_view policy, std::uint32_t workers = 2,
                                       std::size_t elements = 4) {
  runtime::shard_options made;
  made.self = stamp_of(runtime::actor_role::shard);
  made.workers = workers;
  made.parameters.values.assign(elements, 0.0F);
  made.policy = policy_of(policy);
  made.parameters.optimizer = std::make_unique<counting_optimizer>();
  return made;
}

inline runtime::pull_request pull_of(runtime::stamp from, std::uint64_t clock) {
  return {from, {clock}, {}, {}, {}};
}

/// A push in one frame of `elements` times `value`.
inline runtime::gradient_push push_of(runtime::stamp from, std::uint64_t clock, std::uint64_t lease,
                                      float value = 1, std::size_t elements = 4) {
  runtime::gradient_push made;
  made.from = from;
  made.clock = {clock};
  made.what.id = {lease};
  made.what.attempt = {1};
  made.gradient = tensor_of(std::vector<float>(elements, value));
  made.samples = 1;
  return made;
}

/// The same push as a member of a round.
inline runtime::gradient_push in_round(runtime::gradient_push push, std::uint64_t round,
                                       std::uint32_t round_size) {
  push.what.round = round;
  push.what.round_size = round_size;
  return push;
}

/// A push without a lease: a tick or a leave.
inline runtime::gradient_push empty_push(runtime::stamp from, std::uint64_t clock,
                                         runtime::push_verdict verdict) {
  runtime::gradient_push made;
  made.from = from;
  made.clock = {clock};
  made.verdict = verdict;
  return made;
}

/// The push cut into frames of at most `length` elements.
inline std::vector<runtime::gradient_push> cut(const runtime::gradient_push& whole,
                                               std::int64_t length) {
  std::vector<runtime::gradient_push> frames;
  for (const auto& part : parts_of(whole.gradient, length)) {
    auto frame = whole;
    frame.frame = static_cast<std::uint32_t>(frames.size());
    frame.first = part.first;
    frame.gradient = part.values;
    frames.push_back(std::move(frame));
  }
  for (auto& frame : frames) frame.frames = static_cast<std::uint32_t>(frames.size());
  return frames;
}

inline runtime::member dead(std::uint32_t worker, std::uint32_t life) {
  return {{worker}, {life}, false, false};
}

inline runtime::lease_request request_of(runtime::stamp from, std::uint64_t sequence,
                                         std::uint64_t clock, runtime::standing state) {
  return {from, sequence, {clock}, state, {}};
}

inline runtime::settlement settlement_of(std::uint32_t shard,
                                         std::vector<runtime::settled_lease> leases) {
  return {stamp_of(runtime::actor_role::shard, shard), 1, std::move(leases)};
}

/// Drives one shard and draws its tickets.
struct shard_probe {
  explicit shard_probe(runtime::shard_options options) : twin(std::move(options)) {}
  runtime::shard twin;
  runtime::ticket next{1};

  runtime::shard_effects pull(const runtime::pull_request& what) {
    return twin.on_pull(what, std::exchange(next, next.next()), {});
  }
  runtime::shard_effects push(const runtime::gradient_push& what) {
    return twin.on_push(std::make_shared<runtime::gradient_push>(what),
                        std::exchange(next, next.next()), {});
  }
  runtime::shard_effects view(const runtime::membership_view& what) {
    return twin.on_view(what, {});
  }
  std::vector<float> parameters() {
    const auto held = twin.on_snapshot({}).value().parameters;
    const auto values = held.values<float>();
    return {values.begin(), values.end()};
  }
  std::uint64_t version() { return twin.on_snapshot({}).value().version.value; }
};

} // namespace lagrange::tests
