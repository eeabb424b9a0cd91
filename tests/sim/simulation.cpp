#include "simulation.hpp"

#include "actors/simulation/simulated_job.hpp"
#include "runtime/audit.hpp"
#include "runtime/job.hpp"
#include "runtime/replay.hpp"
#include "runtime/transport/in_process.hpp"

#include <caf/send.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace lagrange::sim {

using namespace runtime;
namespace simulation = actors::simulation;

namespace {

/// Leases of an epoch: the last one, and under rounds the last round, are short.
constexpr std::uint32_t samples = 65;
constexpr std::uint32_t batch_size = 5;

std::string job_text(const scenario& chosen) {
  return fmt::format(R"(
name = "simulated"
seed = {}
data = {{format = "synthetic", path = "blobs:{}:2:2", batch = {}, epochs = {}}}
model = {}
optimizer = {{name = "sgd", rate = 1.0, momentum = 0.0, weight_decay = 0.0}}
staleness = {{policy = "{}", switch = [{}]}}
topology = {{workers = {}, shards = {}}}
restart = {{intensity = 50}}
evaluation = {{every = "1 epoch"}}
)",
                     chosen.seed, samples, batch_size, chosen.epochs, chosen.model, chosen.policy,
                     fmt::join(chosen.switches, ", "), chosen.workers, chosen.shards);
}

job job_of(const scenario& chosen, const catalog& known) {
  return parse_job(job_text(chosen), "the scenario", chosen.set, known).value();
}

std::vector<float> flat(const std::vector<ops::tensor>& values) {
  std::vector<float> made;
  for (const auto& each : values)
    made.insert(made.end(), each.values<float>().begin(), each.values<float>().end());
  return made;
}

/// One job with faults, and what watches it.
class faulty_job {
public:
  explicit faulty_job(const scenario& chosen)
      : chosen_(chosen), random_(std::make_shared<std::mt19937_64>(chosen.seed)),
        rows_(catalog::standard()), job_(job_of(chosen, rows_)),
        facts_(read_data_facts(job_, rows_).value()), checker_(watched(chosen)),
        audit_(make_feeder(job_, rows_, facts_, {})),
        leases_(leases_of(make_feeder(job_, rows_, facts_, {}))),
        simulated_(
            {.what = job_,
             .catalog = rows_,
             .facts = facts_,
             .job_text = to_toml(job_),
             .journal = [this](const journal_header& head) { return watching(head); }},
            [this](caf::actor_system& system, simulation::event_loop&) {
              return faulty_parts(system);
            },
            [this](std::size_t ready) { return pick(ready); }) {
    for (std::uint32_t crash = 0; crash < chosen_.crashes; ++crash)
      crashes_.push_back(pick(leases_ * 2 / 3) + 1);
    std::ranges::sort(crashes_, std::greater<>());
  }

  ~faulty_job() {
    while (!actors_.empty()) {
      caf::anon_send_exit(actors_.back(), caf::exit_reason::kill);
      actors_.pop_back();
    }
  }

  report run() {
    report made;
    while (made.breach.empty() && !simulated_.is_over()) {
      step();
      if (++made.events > chosen_.step_limit)
        made.breach = "EN-1: the job does not end";
      else
        made.breach = checker_.breach();
    }
    if (made.breach.empty()) settle(made);
    if (!made.breach.empty())
      made.breach = fmt::format("seed {}, event {}: {}; repeat it with {}", chosen_.seed,
                                made.events, made.breach, repeat_command(chosen_));
    made.fingerprint = checker_.fingerprint();
    made.journals = std::move(journals_);
    return made;
  }

private:
  invariants::options watched(const scenario& chosen) {
    const auto policy = make_policy(rows_.policies, chosen.policy).value();
    const auto bound_of = [this](const std::string& spec) {
      return make_policy(rows_.policies, spec).value()->bound();
    };
    const bool has_rounds = policy->arrivals() == arrival::round || !chosen.switches.empty();
    return {chosen.shards,
            policy->bound(),
            bound_of,
            make_feeder(job_, rows_, facts_, {}),
            has_rounds,
            [this](worker_id worker, incarnation life) { return is_live(worker, life); }};
  }

  template <class Handle>
  Handle keep(Handle handle) {
    actors_.push_back(caf::actor_cast<caf::strong_actor_ptr>(handle));
    return handle;
  }

  simulation::simulation_parts faulty_parts(caf::actor_system& system) {
    const auto between = keep(frames_link(system, chosen_.faults, random_));
    hub_.emplace(chosen_.seed + 1, [between](const transport::crossing&,
                                             std::function<void()> deliver) {
      caf::anon_send(between,
                     crossing(std::make_shared<const std::function<void()>>(std::move(deliver))));
    });
    return {[this](transport::receiver& owner, const plane_needs&) {
              return result<std::unique_ptr<transport::endpoint>>(hub_->open(owner));
            },
            [this](caf::actor_system& in, const actors::compute_request& asked) {
              auto made = std::make_shared<computation>(
                  make_computation(asked.what, rows_, asked.facts, asked.keeper));
              return keep(slow_compute(in, std::move(made), chosen_.step_max, random_));
            },
            [this, &system](const actors::feeder_actor& feeder) {
              return keep(link_to(system, feeder, chosen_.faults, random_));
            }};
  }

  result<journal_sink> watching(const journal_header& head) {
    journals_.resize(chosen_.shards);
    journals_[head.shard.value].head = head;
    return journal_sink([this](shard_id shard, std::span<const journal_entry> entries) {
      for (const auto& entry : entries) {
        checker_.see(shard, entry);
        audit_.see(shard, entry);
        journals_[shard.value].entries.push_back(entry);
      }
      return result<void>(success());
    });
  }

  std::uint64_t pick(std::uint64_t below) {
    return (*random_)() % std::max<std::uint64_t>(below, 1);
  }

  void step() {
    simulated_.step();
    if (!crashes_.empty() && checker_.applied({0}) >= crashes_.back()) {
      crashes_.pop_back();
      crash_a_worker();
    }
  }

  void crash_a_worker() {
    std::vector<actors::node_actor> candidates;
    for (const auto& [who, node] : simulated_.nodes().nodes())
      if (who.name.role == actor_role::worker) candidates.push_back(node);
    if (!candidates.empty())
      caf::anon_send_exit(candidates[pick(candidates.size())],
                          caf::exit_reason::remote_link_unreachable);
  }

  bool is_live(worker_id worker, incarnation life) {
    const auto view = simulated_.state().twin->view();
    return std::ranges::any_of(view.members, [&](const member& each) {
      return each.worker == worker && each.life == life && each.live;
    });
  }

  /// What must be true of a job that has ended.
  void settle(report& made) {
    const auto leases = checker_.see_end();
    audit_.end();
    made.figures = simulated_.state().twin->summarise();
    const auto& counts = made.figures.leases;
    made.breach = checker_.breach();
    if (simulated_.state().twin->outcome() != job_outcome::done)
      made.breach = "EN-1: the job failed: " + simulated_.state().twin->cause();
    else if (counts.issued != leases || counts.lost != 0 ||
             (counts.applied != leases && !has_quorum()) || counts.duplicated != 0)
      made.breach = "LE-1: " + audit_line(made.figures) + ", expected " + std::to_string(leases);
    if (made.breach.empty()) made.breach = audit_.breach();
    if (!made.breach.empty()) return;
    made.parameters = flat(assemble_values(job_, rows_, facts_, simulated_.state().parameters));
    made.expected_updates = checker_.version({0}).value;
  }

  bool has_quorum() const {
    const auto is_quorum = [](const std::string& text) {
      return text.find("quorum") != std::string::npos;
    };
    return is_quorum(chosen_.policy) || std::ranges::any_of(chosen_.switches, is_quorum);
  }

  scenario chosen_;
  random_source random_;
  catalog rows_;
  job job_;
  data_facts facts_;
  invariants checker_;
  audit audit_;
  std::vector<journal> journals_;
  std::uint64_t leases_ = 0;
  std::vector<std::uint64_t> crashes_; ///< leases applied at which to crash; next one last
  std::optional<transport::hub> hub_;
  std::vector<caf::strong_actor_ptr> actors_;
  simulation::simulated_job simulated_; ///< last: its actors use the others
};

} // namespace

report simulate(const scenario& chosen) { return faulty_job(chosen).run(); }

std::string find_difference(const scenario& chosen, const report& recorded) {
  const auto known = catalog::standard();
  const auto what = job_of(chosen, known);
  const auto facts = read_data_facts(what, known).value();
  const auto training = open_data(what, known, data_split::train).value();
  auto plan = make_replay_plan(recorded.journals);
  if (!plan) return plan.error().text;
  replay again({what, known, facts, *training}, std::move(plan).value(), {});
  if (const auto ran = again.run(); !ran) return ran.error().text;
  if (!again.difference().empty()) return again.difference();
  const auto parameters = flat(assemble_values(what, known, facts, again.parameters()));
  return parameters == recorded.parameters ? "" : "the parameters at the end differ";
}

std::string repeat_command(const scenario& chosen) {
  return fmt::format("LAGRANGE_SIM_SEED={} build/release/test_sim", chosen.seed);
}

} // namespace lagrange::sim
