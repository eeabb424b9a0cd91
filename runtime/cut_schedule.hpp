/// \file
/// When the supervisor has a cut made, and when one is whole: every shard's part is on the disk,
/// and every worker's that has something to keep. One cut is made at a time. Part of the
/// supervisor's twin.
///
/// Invariant: DU-1 (what a whole cut holds survives the loss of every process).
/// Paper: Chandy and Lamport 1985.
#pragma once

#include "runtime/cut_messages.hpp"
#include "runtime/staleness/policy.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lagrange::runtime {

struct cut_schedule_options {
  std::chrono::milliseconds every{0}; ///< 0: no cut is made
  std::uint32_t shards = 1;
  std::uint32_t workers = 0; ///< that have something to keep
  cut_number last;           ///< of the job before this term
};

/// A cut of which every part is there.
struct whole_cut {
  cut_number cut;
  std::map<actor_name, part_report> parts;
  std::vector<actor_life> lives{};   ///< the highest of each actor
  std::chrono::milliseconds took{0}; ///< from the order to the last part
};

class cut_schedule {
public:
  explicit cut_schedule(cut_schedule_options options) : options_(options), last_(options.last) {}

  /// The order for the feeder, if a cut is due or its order may be lost.
  std::optional<cut_order> on_tick(const stamp& self, time_point now);
  /// A cut now, unless one is being made.
  void ask(time_point now);
  /// The last part makes its cut whole.
  std::optional<whole_cut> on_part(const part_report& part, time_point now);
  /// What it was to keep may be lost with it, so its cut is given up, and another begun soon.
  void on_loss(actor_name who, time_point now);
  /// Another supervisor had ordered cuts up to this one.
  void go_on_after(cut_number cut) {
    if (!making_) last_ = std::max(last_, cut);
  }
  /// It will not come back, and no cut waits for it from now on.
  void forget(actor_name who, time_point now);

  bool is_enabled() const { return options_.every.count() > 0; }
  bool is_making() const { return making_.has_value(); }
  /// Why the last cut was given up; said once.
  std::string take_failure() { return std::exchange(failure_, {}); }
  /// The highest number ever ordered.
  cut_number last() const { return last_; }

private:
  bool is_expected(actor_name who) const;
  bool is_whole() const;
  void give_up(time_point next) {
    making_.reset();
    due_ = next;
  }

  cut_schedule_options options_;
  cut_number last_;
  std::optional<time_point> due_; ///< none: the schedule has not begun
  std::optional<whole_cut> making_;
  time_point began_, sent_;
  std::set<actor_name> gone_;
  std::string failure_;
};

} // namespace lagrange::runtime
