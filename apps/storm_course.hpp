/// \file
/// The course of a storm: a job runs, the strikes of a plan hit it when they are due and their
/// victims are there, and a supervisor that was killed is followed by the next, which adopts its
/// nodes.
///
/// Invariants: EN-1 (a job that does not go on is a finding, not a hang of the storm).
#pragma once

#include "apps/interrupts.hpp"
#include "apps/storm.hpp"
#include "apps/storm_log.hpp"
#include "apps/struck_job.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::apps {

enum class storm_end : std::uint8_t { done = 0, failed, interrupted };

class storm_course {
public:
  /// Without a plan nobody is struck. Requires: an order and interrupts that outlive it.
  storm_course(const storm_order& order, std::vector<runtime::strike> plan, interrupts& signals);

  /// Until the job has ended and none of its processes is left.
  storm_end run();

  const struck_job& job() const { return job_; }
  const storm_log& log() const { return log_; }
  /// Why it failed, in words; empty: it did not.
  const std::string& trouble() const { return trouble_; }
  /// From the first step that the job told of to its end.
  double seconds() const;

private:
  using steady = std::chrono::steady_clock;
  /// Somebody who is stopped.
  struct sleeper {
    runtime::transport::descriptor whom;
    steady::time_point until;
    bool is_supervisor = false;
  };

  /// Empty: it goes on.
  std::optional<storm_end> step();
  std::optional<storm_end> on_end(const process_end& end);
  storm_end fail(std::string why);
  storm_end interrupt();
  bool start();
  void wake_sleepers(steady::time_point until);
  void note(const told_status& seen);
  bool strike_due(const told_status& seen);
  bool is_due(const runtime::strike& next, const told_status& seen) const;
  bool is_hung() const;
  std::chrono::milliseconds now() const;
  void tell(std::string_view text) const;

  const storm_order& order_;
  std::vector<runtime::strike> plan_;
  interrupts& interrupts_;
  struck_job job_;
  storm_log log_;
  std::size_t next_ = 0; ///< of the plan
  std::vector<sleeper> sleepers_;
  bool is_beheaded_ = false; ///< the supervisor was killed by us
  steady::time_point began_ = steady::now();
  std::optional<steady::time_point> first_step_, ended_;
  std::uint64_t reached_ = 0; ///< leases closed, when last looked at
  std::uint32_t term_ = 0;
  steady::time_point moved_ = steady::now(); ///< when reached_ had changed
  std::string trouble_;
};

} // namespace lagrange::apps
