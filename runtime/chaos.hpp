/// \file
/// Injected heterogeneity: which workers are slow and by how much, how the times of steps vary,
/// what links are like. A value made from a few words; it has no clock, so that real runs and
/// simulated ones ask it the same and get the same numbers.
///
/// Of several rules about one actor the last counts, so that "worker-*:2x" may stand before
/// "worker-2:5x".
#pragma once

#include "runtime/error.hpp"
#include "runtime/ids.hpp"
#include "runtime/transport/link_shape.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

/// One actor, or all of a role.
struct actor_pattern {
  actor_role role = actor_role::worker;
  std::optional<std::uint32_t> index; ///< none: all of them
  bool holds(actor_name who) const;
  bool operator==(const actor_pattern&) const = default;
};
/// As in "worker-2" or "worker-*".
std::string to_string(const actor_pattern& x);

/// A worker whose steps take `factor` times as long.
struct slow_rule {
  actor_pattern who;
  double factor = 1;
  bool operator==(const slow_rule&) const = default;
};
/// An actor whose links are like this, both ways.
struct link_rule {
  actor_pattern who;
  transport::link_shape shape;
  bool operator==(const link_rule&) const = default;
};

/// A worker that is killed.
struct injected_death {
  std::chrono::nanoseconds after; ///< the one before, or the moment at which the job ran
  worker_id who;
};

struct chaos {
  std::vector<slow_rule> slow;
  double jitter_sigma = 0; ///< of the logarithm of a step's time; 0: none
  std::vector<link_rule> links;
  std::chrono::milliseconds failures{0}; ///< mean time between deaths of workers; 0: none dies
  std::uint64_t seed = 0;                ///< of the jitter and of the deaths

  /// Nothing is injected.
  bool empty() const {
    return slow.empty() && jitter_sigma == 0 && links.empty() && failures.count() == 0;
  }
  /// What this worker's steps take, in times of what they would; at least 1.
  double stretch_of(worker_id worker) const;
  /// What one step takes more or less than its mean: lognormal with mean 1, drawn from (seed,
  /// worker, clock) alone. 1 without jitter.
  double jitter(worker_id worker, worker_clock clock) const;
  /// The death of that number, from 0, of one of so many workers: the times between deaths are
  /// exponential, drawn from (seed, number) alone. Requires: failures.
  injected_death death(std::uint64_t number, std::uint32_t workers) const;
  /// Of the actor's links. Where both ends of a link have a shape, frames pass through both.
  transport::link_shape link_of(actor_name who) const;
  bool operator==(const chaos&) const = default;
};

// From words. Errors: bad_argument, naming what is wrong and what was expected.
/// As in "worker-2:5x": from 1x to 1000x.
result<slow_rule> parse_slow(std::string_view text);
/// "lognormal:SIGMA" or "none", which is 0.
result<double> parse_jitter(std::string_view text);
/// As in "every 5s", from 10ms to 24h, or "none", which is 0.
result<std::chrono::milliseconds> parse_failures(std::string_view text);
/// As in "shard-0:50ms,100Mbit": a latency up to 10s, a bandwidth in kbit, Mbit or Gbit, or both.
result<link_rule> parse_link(std::string_view text);

/// As in "worker-2 5x, jitter lognormal:0.5, links of shard-0 50ms 100Mbit"; empty for none.
std::string to_string(const chaos& x);

} // namespace lagrange::runtime
