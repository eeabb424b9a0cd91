/// \file
/// How long things take in a simulation: a worker's step, and a frame's way between two actors.
/// Plain values without a clock; every draw is a function of the seed, the worker and its clock, so
/// the same step takes the same time however often it is asked for.
#pragma once

#include "runtime/ids.hpp"
#include "runtime/job.hpp"
#include "runtime/worker_shares.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// Of all workers of a job. A worker's mean steps are lognormal about `mean`, and its steps are
/// lognormal about its own mean.
struct step_times {
  std::chrono::nanoseconds mean{0};
  double spread = 0; ///< sigma of the workers' means
  double jitter = 0; ///< sigma of a worker's steps
  std::uint64_t seed = 0;

  /// At least 1 ns.
  std::chrono::nanoseconds of(worker_id worker, worker_clock clock) const;
};

/// As measured in a run: worker i of a simulation takes the times of one of the run's workers, in
/// turns. Its steps are drawn from that worker's histogram, with its mean.
class recorded_step_times {
public:
  /// Workers that took no step are left out. The steps had a lognormal jitter of `injected`
  /// (sigma), which is taken out of their spread: as the two are independent, variances of
  /// logarithms add. Requires: a worker that took a step.
  recorded_step_times(std::span<const worker_share> workers, std::uint64_t seed,
                      double injected = 0);
  /// With `more` added: a batch may be another one than in the run. At least an eighth of what was
  /// recorded, and 1 ns.
  std::chrono::nanoseconds of(worker_id worker, worker_clock clock,
                              std::chrono::nanoseconds more = {}) const;

private:
  struct times {
    time_histogram steps;
    double centre, power; ///< a time becomes (time / centre) to this power
    double scale;         ///< that makes the mean of these the worker's

    double stretched(double time) const;
  };
  std::vector<times> workers_;
  std::uint64_t seed_;
};

/// An actor's own link to the network, which is all that stands between it and any other.
struct link_times {
  std::chrono::nanoseconds latency{0};
  std::uint64_t bits_per_second = 0; ///< each way; 0: no limit

  /// That the link is busy with so many bytes.
  std::chrono::nanoseconds busy(std::uint64_t bytes) const;
};

step_times make_step_times(const job& x);
/// Of every actor: two of them, one at each end, make the job's latency.
link_times make_link_times(const job& x);

/// A number of mean 1 whose logarithm is nearly normal with deviation `sigma`. It has the same bits
/// on every machine. Requires: sigma from 0 to 2.
double draw_lognormal(double sigma, std::uint64_t seed, std::uint64_t stream, std::uint64_t index);

} // namespace lagrange::runtime
