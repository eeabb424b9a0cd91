/// \file
/// Who may go on: the admission policy of a job, as a value. A shard asks it for every pull. To add
/// one, write a file like asp.cpp (about fifteen lines) and a row in policy.cpp's table, or put a
/// row into your program's catalog; the conformance kit in tests/ runs it either way.
///
/// Invariants: CL-1, CL-2. A policy has no clock, no randomness and no state of its own.
#pragma once

#include "runtime/error.hpp"
#include "runtime/ids.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lagrange::runtime {

using time_point = std::chrono::steady_clock::time_point;

/// How gradients enter the parameters.
enum class arrival : std::uint8_t {
  each,  ///< every push is one update, in the order of arrival
  round, ///< the leases of a round make one update, summed in lease order
};

/// Of a round that does not wait for all: it is closed so long after so many of its leases are in,
/// or once all are. Those that are not in by then are dropped.
struct round_quorum {
  std::uint32_t leases = 1;
  std::chrono::nanoseconds grace{0};
  bool operator==(const round_quorum&) const = default;
};

/// A live worker, as the shard sees it.
struct live_clock {
  worker_id worker;
  worker_clock clock;
  time_point moved;                 ///< when its clock last moved
  std::chrono::nanoseconds step{0}; ///< between that and the time before; 0: not known yet
};

/// What a policy may look at when a pull waits.
struct admission {
  worker_clock clock; ///< at which the answer is used
  worker_clock
      slowest; ///< smallest live clock contained in the snapshot, the puller's own included
  std::size_t workers = 0; ///< live workers
  time_point asked;        ///< when the pull came
  time_point now;
  worker_id worker;                 ///< whose pull it is
  std::span<const live_clock> live; ///< in the order of workers, the puller's own included
  std::uint64_t draw = 0;  ///< a number drawn from the job's seed, the worker and the clock
  std::uint64_t round = 0; ///< under rounds, the one that is open: those before are in
};

class staleness_policy {
public:
  virtual ~staleness_policy() = default;
  /// Whether the pull may be answered now. Asked again after every change of the clock table.
  /// Requires: monotone in `slowest`, so that a parked pull is admitted in the end.
  virtual bool admits(const admission& pull) const = 0;
  /// The largest lag that admits() lets through; none: unbounded.
  virtual std::optional<std::uint64_t> bound() const = 0;
  virtual arrival arrivals() const { return arrival::each; }
  /// None: a round waits for all of its leases. Only under rounds.
  virtual std::optional<round_quorum> quorum() const { return std::nullopt; }
  /// Whether admits() looks at nothing but `clock` and `slowest`. Then pulls that wait are asked
  /// for again only when `slowest` has changed, which thousands of workers need.
  virtual bool looks_at_slowest_alone() const { return false; }
};

/// One row of the table that config, `lagrange list policies` and the conformance kit read.
struct policy_row {
  std::string_view name;
  std::string_view arguments; ///< as the user writes them, e.g. "BOUND"; empty: none
  std::string_view help;
  /// Errors: bad_argument, naming the argument and what was expected.
  result<std::unique_ptr<staleness_policy>> (*make)(std::span<const std::string_view> arguments);
};

/// The policies that come with lagrange.
std::span<const policy_row> policies();

/// Makes the policy that `spec` names, as in "ssp:3", from the rows of `table`.
/// Errors: bad_argument, with the nearest name and the arguments expected.
result<std::unique_ptr<staleness_policy>> make_policy(std::span<const policy_row> table,
                                                      std::string_view spec);

/// The same from the rows that it was made with: for those who are told of a policy while they run.
using policy_maker =
    std::function<result<std::unique_ptr<staleness_policy>>(std::string_view spec)>;

} // namespace lagrange::runtime
