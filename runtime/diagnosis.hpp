/// \file
/// Why a job does not learn, or waits, said while it runs: each finding is one sentence with the
/// likely cause and the settings to try. Part of the supervisor's twin.
///
/// Everything is looked at in windows of steps, never of time, so a simulated job says the same
/// each time. A finding needs what no healthy job does; the thresholds stand in diagnosis.cpp with
/// their reasons. It is said once, and again only when it has become much worse.
#pragma once

#include "runtime/loss_course.hpp"
#include "runtime/remedies.hpp"
#include "runtime/reports.hpp"
#include "runtime/staleness/policy.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::runtime {

class diagnosis {
public:
  explicit diagnosis(learning_settings job);

  /// What is to be said now; mostly nothing.
  /// Requires: reports of one life in their order; those overtaken by a later one are left out.
  std::vector<std::string> on_report(const worker_report& report);
  void on_report(const shard_report& report);
  /// The job goes on under this policy.
  void on_switch(const std::string& spec, const staleness_policy& policy);

  /// All that was said.
  const std::vector<std::string>& given() const { return given_; }

private:
  enum class finding : std::uint8_t { skipping = 0, rising, standing, waiting };
  static constexpr std::size_t findings = 4;

  /// Of one worker. Counts are over all its lives.
  struct worker_figures {
    worker_report last;
    std::uint64_t skipped = 0; ///< that a healthy worker would not have skipped
    std::uint64_t steps = 0;   ///< in this window, as the next two
    double compute = 0;        ///< seconds
    double waiting = 0;        ///< seconds
  };
  struct window {
    std::uint64_t steps = 0;
    std::uint64_t skipped = 0;
    std::uint64_t reports = 0;
    loss_window loss;
  };
  struct slow_worker {
    std::uint32_t worker = 0;
    double factor = 1;       ///< its steps take so many times as long as the others' median
    double step_seconds = 0; ///< that median
    double wait_share = 0;   ///< of the others' time
  };

  void close();
  bool is_full() const;
  void find_skipping();
  void find_rise();
  void find_standstill();
  void find_waiting();
  std::optional<slow_worker> slowest() const;
  staleness_figures staleness() const;
  bool is_stale(staleness_figures found) const;
  std::string stale_cause(staleness_figures found) const;
  /// Says it, unless that was said and it has not become much worse since.
  void say(finding what, double severity, const std::string& text);

  learning_settings job_;
  std::uint64_t window_steps_;
  std::map<std::uint32_t, worker_figures> workers_;
  std::map<std::uint32_t, std::vector<std::uint64_t>> staleness_; ///< by shard
  std::vector<std::uint64_t> staleness_before_;                   ///< when this window began
  std::uint64_t samples_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t skipped_since_ = 0; ///< samples of the job before the first
  window open_;
  loss_course course_;
  std::optional<slow_worker> slow_; ///< in the window before this
  struct told {
    double severity = 0;
    std::uint32_t times = 0;
  };
  std::array<told, findings> told_{};
  std::vector<std::string> given_;
  std::size_t taken_ = 0; ///< of those, already handed out
};

} // namespace lagrange::runtime
