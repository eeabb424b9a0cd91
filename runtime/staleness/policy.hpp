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

/// What a policy may look at when a pull waits.
struct admission {
  worker_clock clock; ///< at which the answer is used
  worker_clock
      slowest; ///< smallest live clock contained in the snapshot, the puller's own included
  std::size_t workers = 0; ///< live workers
  time_point asked;        ///< when the pull came
  time_point now;
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

/// A whole number in [low, high], or an error that names `what`.
result<std::uint64_t> parse_count(std::string_view text, std::string_view what, std::uint64_t low,
                                  std::uint64_t high);

} // namespace lagrange::runtime
