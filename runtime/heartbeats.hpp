/// \file
/// Who has been silent for longer than its own habit explains. Part of the supervisor's twin: an
/// actor that is alive but hangs (stopped, swapping) sends no reports, and nothing else tells so.
///
/// Paper: Hayashibara et al. 2004 (the phi accrual failure detector). Mean and deviation of the
/// gaps between reports are weighted by age, so that an actor costs a few numbers and not a window.
///
/// Invariants: CL-2, EN-1 (a hang is found), and no silence is counted over time in which the
/// listener itself was away.
#pragma once

#include "runtime/ids.hpp"
#include "runtime/staleness/policy.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace lagrange::runtime {

struct heartbeat_options {
  /// No shorter silence counts as a death; ten times that for who cannot be restarted.
  std::chrono::milliseconds floor{3'000};
  double phi_max = 12; ///< a silence counts if a gap as long has a probability of 10^-phi_max
};

class heartbeats {
public:
  explicit heartbeats(heartbeat_options options) : options_(options) {}

  /// Something came from the actor. Its first word begins its watch.
  void observe(actor_life who, time_point now);
  /// It is not expected to speak any more.
  void forget(actor_name who) { known_.erase(who); }
  /// The listener is there; called a few times a second. Between two calls that are further apart
  /// it was away, and nobody could be heard.
  void on_tick(time_point now);

  /// -log10 of the probability that it speaks yet, by its habit; 0 for who is not watched.
  double phi(actor_name who, time_point now) const;
  /// Who counts as dead. Cost: O(actors that are watched), with no allocation where all speak.
  std::vector<actor_life> silent(time_point now) const;
  /// As in "fell silent: nothing for 3.1 s, expected every 0.20 s". Requires: it is watched.
  std::string describe(actor_name who, time_point now) const;

private:
  using seconds = std::chrono::duration<double>;
  struct habit {
    incarnation life;
    seconds last{0}; ///< in time listened, as all of this
    double mean = 0; ///< of the gaps, in seconds
    double variance = 0;
  };
  seconds listened(time_point now) const;
  double phi_of(const habit& of, seconds silence) const;

  heartbeat_options options_;
  std::map<actor_name, habit> known_;
  seconds listened_{0};
  time_point ticked_;
};

} // namespace lagrange::runtime
