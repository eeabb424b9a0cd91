/// \file
/// The verb `chaos`: a storm on a real job of processes, from outside, and then the proof that
/// nothing was lost.
///
/// The driver is a process of its own. It starts `lagrange run` as a child and sees what any user
/// could: the answers of the control socket, the run's folder, the process table. It strikes by
/// signals alone.
#pragma once

#include "apps/run.hpp"
#include "runtime/storm_plan.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lagrange {

struct storm_order {
  run_options job;         ///< its mode is the storm's
  std::uint32_t kills = 0; ///< strikes, at least one
  std::vector<runtime::struck_role> roles;
  std::chrono::milliseconds every{0}; ///< as in runtime::storm_options
  bool measures_goodput = false;      ///< run the same job without strikes as well
  bool replays = true;                ///< part of the proof
  std::string report_file;            ///< empty: only chaos.json in the run's folder
};

/// The plan that the order's job, by its seed, and its strikes make.
std::vector<runtime::strike> plan_of(const storm_order& order);

/// Raises the storm, and proves what must be true after it. Returns the exit status: 0 all of it is
/// proven, 1 something is not, 2 refused, 130 interrupted.
int run_storm(const storm_order& order);

} // namespace lagrange
