// The verb `simulate`: runs the events of a simulated job one after the other, shows the job now
// and then, and keeps what it leaves behind. Real time decides when something is shown, and nothing
// else.
#include "apps/simulate.hpp"

#include "actors/simulation/simulated_job.hpp"
#include "apps/interrupts.hpp"
#include "apps/run_record.hpp"
#include "runtime/job_chaos.hpp"

#include <fmt/format.h>

#include <iostream>

namespace lagrange {

namespace {

using namespace runtime;
using steady = std::chrono::steady_clock;

/// How often the view is redrawn, in real time.
constexpr std::chrono::milliseconds view_period{500};
/// Events between two looks at the real clock and at signals.
constexpr std::uint64_t look_every = 64;
/// How often a line goes into metrics.jsonl, in virtual time: at least so long after the one
/// before, and a hundredth of the job's age, so that a long job does not fill the disk.
constexpr std::chrono::milliseconds metrics_period{1000};
constexpr int metrics_share = 100;
/// How often metrics are due is looked at, in virtual time.
constexpr std::chrono::milliseconds metrics_look{250};

constexpr std::string_view label = "simulated: times are virtual";

/// What the workers of a run took for a batch, without what was injected: the simulation injects
/// its own job's chaos, and a lease's batches, anew.
std::vector<worker_share> bare_shares(const apps::measured_run& from) {
  auto workers = from.workers;
  const auto injected = chaos_of(from.what);
  for (auto& each : workers) {
    const auto batches = static_cast<double>(each.samples) / from.what.data.batch;
    if (batches == 0) continue;
    const auto times = injected.stretch_of(each.worker) * batches / static_cast<double>(each.steps);
    each.compute = std::chrono::duration_cast<std::chrono::nanoseconds>(each.compute / times);
  }
  return workers;
}

/// Null: the job's own.
actors::simulation::step_plan steps_of(const simulate_order& order) {
  if (!order.from) return {};
  return [times = recorded_step_times(bare_shares(*order.from), order.job.job.seed,
                                      chaos_of(order.from->what).jitter_sigma),
          cost = order.step_cost](worker_id worker, worker_clock clock) {
    return times.of(worker, clock, cost);
  };
}

/// One simulated job from start to end.
class simulation_run {
public:
  simulation_run(const simulate_order& order, apps::interrupts& interrupts,
                 apps::run_record& record, std::shared_ptr<const dataset> test)
      : options_(order.job), from_(order.from), cost_(order.step_cost), interrupts_(interrupts),
        record_(record),
        job_({.what = options_.job,
              .catalog = *options_.catalog,
              .facts = options_.facts,
              .job_text = options_.job_text,
              .term = record.term(),
              .journal = record.journals(),
              .tested = std::make_shared<evaluation>(
                  std::move(test), std::make_unique<computation>(make_computation(
                                       options_.job, *options_.catalog, options_.facts))),
              .steps = steps_of(order)}),
        began_(job_.now()), metrics_due_(job_.now()) {}

  int run() {
    tell(std::string(label));
    if (const auto injected = to_string(chaos_of(options_.job)); !injected.empty())
      tell("times are injected: " + injected);
    if (cost_.count() != 0)
      tell(fmt::format("a batch takes {:+} us beside the recorded run's", cost_.count()));
    bool goes_on = true;
    while (goes_on && job_.broken().empty() && !job_.is_over()) {
      goes_on = job_.step();
      if (job_.now() >= metrics_due_) keep_metrics();
      if (job_.events() % look_every == 0) look();
    }
    if (!job_.broken().empty()) return record_.give_up(job_.broken());
    if (!job_.is_over()) return record_.give_up("the simulated job came to a standstill");
    return finish();
  }

private:
  std::chrono::nanoseconds age() const { return job_.now() - began_; }

  void tell(const std::string& event) {
    const auto seconds = std::chrono::duration<double>(age()).count();
    record_.event(event, {"", fmt::format("{:.3f}s", seconds)});
  }

  /// Deterministic: by virtual time alone.
  void keep_metrics() {
    if (!job_.broken().empty() || !job_.has_begun()) return;
    const auto seen = job_.watch();
    for (const auto& event : seen.events) tell(event);
    metrics_due_ = job_.now() + metrics_look;
    const auto pause = std::max(metrics_period, seen.status.elapsed / metrics_share);
    if (seen.status.elapsed - metrics_kept_ < pause && !seen.is_over) return;
    metrics_kept_ = seen.status.elapsed;
    record_.keep(seen.status);
  }

  void look() {
    const auto now = steady::now();
    if (now - shown_ < view_period || !job_.broken().empty() || !job_.has_begun()) return;
    shown_ = now;
    show();
    if (const auto signal = interrupts_.first(); signal && !std::exchange(is_stopping_, true)) {
      tell(fmt::format("stopping because of signal {}; once more ends at once", *signal));
      job_.stop(*signal);
    }
  }

  void show() {
    auto status = job_.state().twin->status(job_.now());
    if (options_.mode != output_mode::json) status.job += " (simulated)";
    record_.view().show(status);
  }

  int finish() {
    keep_metrics();
    show();
    auto end = job_.result();
    end.figures.wall_seconds = std::chrono::duration<double>(age()).count();
    const auto status = record_.finish(end);
    tell_prediction(end.figures);
    tell_speed();
    return status;
  }

  void tell_prediction(const summary& figures) {
    if (!from_) return;
    const auto line = apps::prediction_json(*from_, figures, cost_);
    record_.write("prediction.json", line + "\n");
    if (options_.mode == output_mode::json)
      std::cout << line << std::endl;
    else if (options_.mode != output_mode::quiet)
      std::cerr << apps::prediction_text(*from_, figures);
  }

  /// Kept apart from the summary, which is a function of the seed.
  void tell_speed() const {
    const auto seconds = std::chrono::duration<double>(steady::now() - started_).count();
    const auto speed = static_cast<double>(job_.events()) / std::max(seconds, 1e-9);
    if (options_.mode == output_mode::json)
      std::cout << fmt::format(R"({{"type":"simulator","events":{},"real_seconds":{:.3f},)"
                               R"("events_per_second":{:.0f}}})"
                               "\n",
                               job_.events(), seconds, speed)
                << std::flush;
    else if (options_.mode != output_mode::quiet)
      std::cerr << fmt::format("{}; {} events in {:.1f} real seconds, {:.0f} events/s\n", label,
                               job_.events(), seconds, speed);
  }

  const run_options& options_;
  const std::optional<apps::measured_run>& from_;
  std::chrono::microseconds cost_;
  apps::interrupts& interrupts_;
  apps::run_record& record_;
  steady::time_point started_ = steady::now();
  steady::time_point shown_{};
  actors::simulation::simulated_job job_;
  time_point began_;
  time_point metrics_due_;
  std::chrono::milliseconds metrics_kept_{0};
  bool is_stopping_ = false;
};

int refuse(const std::string& why) {
  fmt::print(stderr, "lagrange: {}\n", why);
  return 2;
}

} // namespace

int simulate_job(const simulate_order& order) {
  const auto& options = order.job;
  apps::interrupts interrupts; // before anything starts a thread
  auto test = open_data(options.job, *options.catalog, data_split::test);
  if (!test) return refuse(test.error().text);
  const auto record = apps::run_record::begin(options);
  if (!record) return refuse(record.error().text);
  simulation_run running(order, interrupts, *record.value(), std::move(test.value()));
  return running.run();
}

} // namespace lagrange
