#include "apps/command_job.hpp"

namespace lagrange {

namespace {

/// What has no place in a simulation.
std::string find_misfits(const runtime::job& x) {
  std::string reasons;
  const auto add = [&](std::string_view key, std::string_view text) {
    reasons += runtime::key_error(x, key, text) + "\n";
  };
  if (x.topology.transport != "auto")
    add("topology.transport", "a simulation has links of its own, expected \"auto\"; see "
                              "simulation.latency and simulation.bandwidth");
  for (const auto& device : x.topology.devices)
    if (device != "cpu") {
      add("topology.devices", "a simulation computes on the CPU, where the same seed makes the "
                              "same bits, expected [\"cpu\"]");
      break;
    }
  return reasons;
}

} // namespace

int act_simulate(const invocation& call) {
  CLI::App app("Simulates a job: the same actors with real gradients, in one process and in virtual "
               "time. The same seed gives the same bits.",
               "simulate");
  job_flags flags;
  add_job_options(app, flags, call.rows);
  run_options options;
  if (const auto status = parse(app, call)) return *status;
  if (const auto status = read_job(app, flags, call, options)) return *status;
  const auto obstacles = find_misfits(options.job) + find_obstacles(options);
  return obstacles.empty() ? call.verbs.simulate(options) : refuse(call.text, obstacles);
}

} // namespace lagrange
