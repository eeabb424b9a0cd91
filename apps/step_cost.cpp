#include "apps/step_cost.hpp"

#include "actors/simulation/simulated_job.hpp"
#include "runtime/assembly.hpp"
#include "runtime/percentile.hpp"

#include <chrono>
#include <cmath>

namespace lagrange::apps {

using namespace runtime;
using steady = std::chrono::steady_clock;

namespace {

/// Of pairs of steps, one of each job: the first are left out, because what is kept for later steps
/// is made in them.
constexpr int pairs_left_out = 3, pairs_min = 5, pairs_max = 200;
constexpr std::chrono::seconds enough{2};

/// The same batches for one worker that nobody disturbs.
job alone(job x) {
  const auto fresh = job{};
  x.topology.workers = 1;
  x.data.epochs = 1000; // more than will be taken
  x.staleness.policy = "asp";
  x.staleness.switches = {};
  x.staleness.dynamic_steps = false;
  x.evaluation.every = 1'000'000;
  x.chaos = fresh.chaos;
  return x;
}

/// A job of one worker, whose steps are measured.
class bench_job {
public:
  bench_job(const job& x, const catalog& rows, data_facts facts)
      : what_(alone(x)), facts_(std::move(facts)),
        computing_(std::make_shared<actors::simulation::shared_computation>(what_, rows, facts_)),
        running_({.what = what_, .catalog = rows, .facts = facts_, .job_text = to_toml(what_)},
                 [this](caf::actor_system&, actors::simulation::event_loop&) {
                   return actors::simulation::simulation_parts{
                       {},
                       simulated_compute(
                           computing_,
                           [](worker_id, worker_clock) { return std::chrono::milliseconds(10); }),
                       {}};
                 }) {}

  /// Seconds that its next batch takes. A step is computed within one event.
  double next() {
    for (const auto before = computing_->steps();;) {
      const auto began = steady::now();
      const bool goes_on = running_.step();
      const auto took = std::chrono::duration<double>(steady::now() - began).count();
      if (computing_->steps() > before) return took / what_.staleness.local_steps;
      LAGRANGE_EXPECT(goes_on && running_.broken().empty(), "no step: " + running_.broken());
    }
  }

private:
  job what_;
  data_facts facts_;
  std::shared_ptr<actors::simulation::shared_computation> computing_;
  actors::simulation::simulated_job running_;
};

} // namespace

bool computes_alike(const job& x, const job& y) {
  const auto of = [](job from) {
    from.data.epochs = 1;
    from.data.augment = "none"; // is the feeder's
    return std::make_tuple(from.data, from.model, from.codec, from.precision, from.topology.threads,
                           from.staleness.local_steps, from.staleness.outer, from.optimizer.name,
                           from.optimizer.clip_norm);
  };
  return of(x) == of(y);
}

result<std::chrono::microseconds> measure_step_cost(const job& of, const job& against,
                                                    const catalog& rows) {
  BOOST_OUTCOME_TRY(facts, read_data_facts(of, rows));
  BOOST_OUTCOME_TRY(facts_against, read_data_facts(against, rows));
  bench_job one(of, rows, facts), other(against, rows, facts_against);
  std::vector<double> differences;
  const auto until = steady::now() + enough;
  for (int pair = 0; pair < pairs_max; ++pair) {
    const auto took = one.next(), took_against = other.next();
    if (pair >= pairs_left_out) differences.push_back(took - took_against);
    if (steady::now() > until && differences.size() >= pairs_min) break;
  }
  const auto seconds = *percentile_of_values(std::move(differences), 0.5);
  return std::chrono::microseconds(std::llround(seconds * 1e6));
}

} // namespace lagrange::apps
