/// \file
/// How workers compute in a simulation: one network for all of them, because a thousand would not
/// fit in memory, and a compute actor each, whose steps take virtual time. A step is computed when
/// it is over: what it reads does not change, and no gradient waits in memory.
#pragma once

#include "actors/node.hpp"
#include "runtime/virtual_times.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace lagrange::actors::simulation {

/// How long a worker's step of this clock takes: of one batch, or of each id of its lease.
using step_plan =
    std::function<std::chrono::nanoseconds(runtime::worker_id, runtime::worker_clock)>;

/// The steps of all workers of a job, one at a time.
class shared_computation {
public:
  shared_computation(const runtime::job& what, const runtime::catalog& rows,
                     const runtime::data_facts& facts);

  /// For a worker that has computed nothing yet.
  runtime::computation::memory make_memory(const runtime::memory_keeper& keeper,
                                           runtime::cut_number cut) const;
  /// The step of the worker whose memory this is.
  runtime::step_result run(runtime::computation::memory& own, const runtime::step_task& task);
  /// That were run.
  std::uint64_t steps() const { return steps_; }

private:
  const runtime::job& what_;
  const runtime::catalog& rows_;
  const runtime::data_facts& facts_;
  runtime::computation computation_;
  std::uint64_t steps_ = 0;
};

/// Requires: parts that outlive the actors.
compute_maker simulated_compute(std::shared_ptr<shared_computation> with, step_plan times);

} // namespace lagrange::actors::simulation
