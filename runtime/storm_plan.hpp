/// \file
/// A storm's plan: whom of a job's processes to strike, how and when, drawn from a seed. `lagrange
/// chaos` carries it out on a real job.
///
/// Invariant: RE-1 (one seed, one plan).
#pragma once

#include "runtime/ids.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

/// What is done to a process: SIGKILL, or SIGSTOP and after a while SIGCONT.
enum class blow : std::uint8_t { kill = 0, stop };
constexpr std::string_view name(blow what) { return what == blow::kill ? "kill" : "stop"; }

struct strike {
  actor_name whom;
  blow what = blow::kill;
  std::chrono::milliseconds stopped{0}; ///< of a stop: until it may go on
  double share = 0;                     ///< of the job's leases that are closed before
  std::chrono::milliseconds after{0};   ///< after the job's first step, in a storm by the clock
  bool operator==(const strike&) const = default;
};

/// How often a role is struck, in relation to the others.
struct struck_role {
  actor_role role;
  std::uint32_t weight;
};
/// Whom a storm can strike, with the weights that it has for them.
std::span<const struck_role> struck_roles();

struct storm_options {
  std::uint64_t seed = 0;
  std::uint32_t strikes = 1;
  std::vector<struck_role> roles; ///< at least one, each with a weight above 0
  std::uint32_t workers = 1;
  std::uint32_t shards = 1;
  /// A stop lasts between so long and twice so long.
  std::chrono::milliseconds stop_min{0};
  /// Mean time between strikes of a storm by the clock; 0: they are spread over the job's leases.
  std::chrono::milliseconds every{0};
};

/// Of strikes over the job's leases: the first comes once there is something to lose, and behind
/// the last there is room to come back in.
constexpr double first_share = 0.02, last_share = 0.92;

/// The strikes in the order of their moments. A pure function of the options; of two that differ in
/// the number of strikes alone the victims of the smaller one begin those of the larger one.
std::vector<strike> make_storm_plan(const storm_options& options);

} // namespace lagrange::runtime
