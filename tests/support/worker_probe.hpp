/// \file
/// A worker's twin and what it did last, for tests that say step by step what it hears.
#pragma once

#include "runtime/worker.hpp"
#include "tests/support/builders.hpp"

#include <utility>

namespace lagrange::tests {

/// Drives one worker of two shards with 3 and 5 elements.
struct worker_probe {
  explicit worker_probe(runtime::lookahead ahead = runtime::lookahead::none)
      : worker_probe(options_of(ahead)) {}
  explicit worker_probe(runtime::worker_options options) : twin(std::move(options)) {
    effects = twin.start(at(std::chrono::milliseconds(0)));
  }
  static runtime::worker_options options_of(runtime::lookahead ahead) {
    runtime::worker_options made;
    made.self = worker_stamp(0);
    made.shards = 2;
    made.ahead = ahead;
    return made;
  }

  runtime::worker twin;
  runtime::worker_effects effects; ///< of the last call
  std::uint64_t sequence = 0;
  runtime::time_point now = at(std::chrono::milliseconds(0));

  void grant(runtime::grant_kind kind, std::uint64_t lease = 0, std::uint64_t clock = 0) {
    auto made = std::make_shared<runtime::lease_grant>();
    made->sequence = ++sequence;
    made->kind = kind;
    made->what.id = {lease};
    made->what.attempt = {1};
    made->clock = {clock};
    effects = twin.on_grant(made, now);
  }
  void parameters(std::uint32_t shard, std::uint64_t clock, std::uint64_t version = 0) {
    auto made = std::make_shared<runtime::pull_reply>();
    made->from = stamp_of(runtime::actor_role::shard, shard);
    made->clock = {clock};
    made->version = {version};
    made->parameters = tensor_of(std::vector<float>(3 + 2 * shard, 0.0F));
    effects = twin.on_parameters({shard}, made, now);
  }
  /// Both shards answer.
  void parameters(std::uint64_t clock) {
    parameters(0, clock, clock);
    parameters(1, clock, clock);
  }
  /// What a step brings, by shard.
  static std::vector<std::vector<runtime::gradient_part>> gradient() {
    return {parts_of(tensor_of({1, 2, 3}), 2), parts_of(tensor_of({4, 5, 6, 7, 8}), 2)};
  }
  void computed(std::uint64_t lease, runtime::push_verdict verdict = runtime::push_verdict::apply) {
    runtime::step_result made{{lease}, 2.5F, 4, verdict, {}};
    if (verdict == runtime::push_verdict::apply) made.parts = gradient();
    effects = twin.on_computed(made, now);
  }
  void part(runtime::early_part part) { effects = twin.on_part(std::move(part), now); }
  void ack(std::uint32_t shard, std::uint64_t clock, std::uint64_t lease = 0,
           std::uint32_t attempt = 1,
           runtime::push_outcome outcome = runtime::push_outcome::taken) {
    effects = twin.on_ack(
        {shard},
        {stamp_of(runtime::actor_role::shard, shard), {lease}, {attempt}, {clock}, outcome, {}},
        now);
  }
  void acks(std::uint64_t clock, std::uint64_t lease = 0, std::uint32_t attempt = 1) {
    ack(0, clock, lease, attempt);
    ack(1, clock, lease, attempt);
  }
  void tick(runtime::time_point when) { effects = twin.on_tick(now = when); }
};

} // namespace lagrange::tests
