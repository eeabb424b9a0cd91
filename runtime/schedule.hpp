/// \file
/// How the rate changes in the course of a job: a schedule, and the warm-up before it. Driven by
/// the samples that a shard has applied, never by the steps of one worker, so that a job takes the
/// same course with few workers and with many, and a shard that is restored goes on where it was.
/// To add one, write a class and a row in schedule.cpp, or put a row into your program's catalog.
#pragma once

#include "runtime/error.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lagrange::runtime {

/// A length of training, as a user writes it: "20000" or "3 epochs".
struct training_span {
  enum class unit_type : std::uint8_t { samples = 0, epochs };
  std::uint64_t number = 0;
  unit_type unit = unit_type::samples;
  bool operator==(const training_span&) const = default;

  std::uint64_t samples(std::uint64_t epoch_samples) const {
    return unit == unit_type::samples ? number : number * epoch_samples;
  }
};

/// Errors: bad_argument, naming `what`.
result<training_span> parse_training_span(std::string_view text, std::string_view what);

/// A pure function: no state, no clock.
class rate_schedule {
public:
  virtual ~rate_schedule() = default;
  /// What the rate is multiplied by for a step before which so many samples were applied.
  virtual double factor(std::uint64_t samples) const = 0;
};

/// One row of the table that config, `lagrange list schedules` and the tests read.
struct schedule_row {
  std::string_view name;
  std::string_view arguments; ///< as the user writes them; those in brackets may be left out
  std::string_view help;
  /// Errors: bad_argument, naming the argument and what was expected.
  result<std::unique_ptr<rate_schedule>> (*make)(std::span<const std::string_view> arguments,
                                                 std::uint64_t epoch_samples);
};

/// The schedules that come with lagrange.
std::span<const schedule_row> schedules();

/// Makes the schedule that `spec` names, as in "cosine:5 epochs:0.01", from the rows of `table`.
/// Errors: bad_argument, with the nearest name and the arguments expected.
result<std::unique_ptr<rate_schedule>> make_schedule(std::span<const schedule_row> table,
                                                     std::string_view spec,
                                                     std::uint64_t epoch_samples);

/// The share of the rate that each step of a shard is made at.
class rate_plan {
public:
  /// Always the whole rate.
  rate_plan() = default;
  /// `warmup` in samples: over them the share grows from none to all of what the schedule gives.
  rate_plan(std::unique_ptr<rate_schedule> schedule, std::uint64_t warmup);

  /// The share for a step of `own` samples after `before` applied ones. The schedule looks at those
  /// before, so that the first step has its first value; the warm-up at both, so that no step is
  /// lost at a rate of 0.
  float share(std::uint64_t before, std::uint64_t own) const;

private:
  std::unique_ptr<rate_schedule> schedule_;
  std::uint64_t warmup_ = 0;
};

} // namespace lagrange::runtime
