#include "apps/command_job.hpp"
#include "apps/step_cost.hpp"

namespace lagrange {

namespace {

/// Of --step-cost: a minute.
constexpr std::int64_t cost_max = 60'000'000;

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

/// The run's job, but for where it ran; what the user sets counts more.
void take_job_of(const apps::measured_run& run, job_flags& flags) {
  flags.file = (run.folder / "job.toml").string();
  const std::string places[] = {"topology.transport=auto", "topology.devices=[\"cpu\"]"};
  flags.set.insert(flags.set.begin(), std::begin(places), std::end(places));
}

/// Steps of the recorded run stand for those of another job: what that costs is measured, unless
/// it was said. Empty, or why it cannot be.
std::string take_step_cost(const runtime::catalog& rows, simulate_order& out) {
  if (apps::computes_alike(out.job.job, out.from->what)) return {};
  const auto measured = apps::measure_step_cost(out.job.job, out.from->what, rows);
  if (!measured) return "what a step costs beside one of the run: " + measured.error().text + "\n";
  out.step_cost = measured.value();
  return {};
}

} // namespace

int act_simulate(const invocation& call) {
  CLI::App app(
      "Simulates a job: the same actors with real gradients, in one process and in virtual "
      "time. The same seed gives the same bits.",
      "simulate");
  job_flags flags;
  std::string from;
  add_job_options(app, flags, call.rows);
  app.add_option("--from", from, "the job of this run, with the step times that it measured")
      ->type_name("RUN")
      ->excludes(app.get_option("JOB"));
  simulate_order order;
  std::int64_t microseconds = 0;
  auto* cost = app.add_option("--step-cost", microseconds,
                              "what a batch takes more than in RUN; measured unless said");
  cost->type_name("MICROSECONDS")->needs("--from")->check(CLI::Range(-cost_max, cost_max));
  if (const auto status = parse(app, call)) return *status;
  order.step_cost = std::chrono::microseconds(microseconds);
  if (app.count("--from") > 0) {
    auto measured = apps::read_measured(from, call.rows);
    if (!measured) return refuse(call.text, measured.error().text);
    order.from = std::move(measured).value();
    take_job_of(*order.from, flags);
  }
  if (const auto status = read_job(app, flags, call, order.job)) return *status;
  auto obstacles = find_misfits(order.job.job) + find_obstacles(order.job);
  if (obstacles.empty() && order.from && cost->count() == 0)
    obstacles = take_step_cost(call.rows, order);
  return obstacles.empty() ? call.verbs.simulate(order) : refuse(call.text, obstacles);
}

} // namespace lagrange
