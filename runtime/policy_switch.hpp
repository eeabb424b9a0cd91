/// \file
/// The switches of a job's policy as the supervisor carries them out, one after the other: which
/// order goes out next, and to whom. Part of the supervisor's twin.
///
/// Invariants: CL-2 (from the clock of a switch on, nothing is admitted over the new bound), RE-1
/// (that clock is the same on every shard, and in its journal).
#pragma once

#include "runtime/staleness/policy.hpp"
#include "runtime/switch_messages.hpp"

#include <deque>
#include <optional>
#include <set>
#include <string>

namespace lagrange::runtime {

class policy_switch {
public:
  explicit policy_switch(std::uint32_t shards) : shards_(shards) {}

  /// It begins when those asked for before are done. Its number, or 0: too many are waiting.
  std::uint64_t ask(std::string policy);
  /// What is to be sent now: phases drain and resume to the feeder, the others to every shard.
  /// Nothing while answers are awaited that may still come. Its stamp is the caller's.
  std::optional<switch_order> next(time_point now);
  void on_ack(const switch_ack& ack);
  /// The switch that has come into force since this was called last.
  std::optional<switch_order> take_done();

  /// Switches in force: that many of those asked for, in their order.
  std::uint64_t done() const { return done_; }
  /// None is under way, and none waits.
  bool is_idle() const { return !current_ && waiting_.empty(); }

private:
  bool is_awaited(const switch_ack& ack) const;
  void advance();

  std::uint32_t shards_;
  std::deque<std::string> waiting_;
  std::uint64_t asked_ = 0;
  std::uint64_t done_ = 0;
  std::optional<switch_order> current_;
  std::optional<time_point> sent_; ///< the current order; none: not yet
  std::set<actor_name> answered_;  ///< it
  worker_clock first_;             ///< highest of the answers to hold
  std::optional<switch_order> finished_;
};

} // namespace lagrange::runtime
