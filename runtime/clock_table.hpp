/// \file
/// The clocks of the live workers, as one shard sees them. It decides which incarnation of a worker
/// may still speak and which clock is the slowest.
///
/// Invariants: CL-2 (a dead or idle worker is not counted), SH-2 (fencing). Incarnations are handed
/// out by the supervisor alone, so a higher one proves that the lower is dead, whether the
/// membership view that says so has arrived or not.
#pragma once

#include "runtime/messages.hpp"
#include "runtime/staleness/policy.hpp"

#include <map>
#include <optional>
#include <vector>

namespace lagrange::runtime {

class number_stream;

class clock_table {
public:
  /// The first incarnations of `workers` workers, all at one clock.
  explicit clock_table(std::uint32_t workers, worker_clock start = {});

  /// A message of this worker arrived. False: it is fenced, or one that was overtaken by the
  /// worker's own leave; the message must have no effect. A worker not counted enters at `clock`.
  bool hears(worker_id worker, incarnation life, worker_clock clock);
  /// The worker finished the step before `clock`.
  void advances(worker_id worker, incarnation life, worker_clock clock, time_point now);
  /// The worker is idle from `clock` on and leaves the table, until a pull of a higher clock.
  void leaves(worker_id worker, incarnation life, worker_clock clock);
  /// What the supervisor says. Returns the workers whose known incarnation it declares dead.
  std::vector<worker_id> adopts(const membership_view& view);

  bool is_fenced(worker_id worker, incarnation life) const;
  /// Smallest clock of the counted workers; none: nobody is counted.
  std::optional<worker_clock> slowest() const;
  /// The clock of a counted worker.
  std::optional<worker_clock> clock_of(worker_id worker) const;
  std::size_t counted() const;
  /// The highest clock that any worker has had here, whether it lives or not.
  worker_clock highest() const { return highest_; }
  /// The counted workers, in the order of workers. Valid until the table changes or is asked again.
  std::span<const live_clock> live() const;
  view_number view() const { return view_; }
  /// All of it, there or back. False: the words are not those of a table.
  bool pass(number_stream& words);

private:
  struct entry {
    incarnation life; ///< highest incarnation known
    bool is_counted = false;
    bool is_dead = false; ///< `life` itself was declared dead
    worker_clock clock;
    std::optional<worker_clock> left; ///< clock at which `life` left, if it has
    time_point moved{};
    std::chrono::nanoseconds step{0}; ///< as in live_clock
    mutable std::size_t place = 0;    ///< in live_
  };
  entry& at(worker_id worker);
  void count_in(entry& known, worker_clock clock);
  void count_out(entry& known);

  std::vector<entry> entries_; ///< by worker
  view_number view_;
  worker_clock highest_;
  // A shard asks for these with every pull and push: they change as the entries do.
  std::map<worker_clock, std::uint32_t> clocks_; ///< counted workers, by clock
  mutable std::vector<live_clock> live_;
  mutable bool is_live_old_ = true; ///< workers have come or gone since live_ was made
};

} // namespace lagrange::runtime
