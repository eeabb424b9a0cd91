#include "simulation.hpp"

#include "actors/checkpoint_writer.hpp"
#include "actors/simulation/simulated_job.hpp"
#include "runtime/audit.hpp"
#include "runtime/job.hpp"
#include "runtime/replay.hpp"
#include "runtime/transport/in_process.hpp"
#include "tests/support/faulty_disk.hpp"

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
constexpr auto checkpoints = "/checkpoints";

class count_network final : public ops::network {
public:
  std::span<const ops::parameter_spec> parameters() const override { return specs_; }
  float train(const ops::training_pass& pass) override {
    std::ranges::fill(pass.d_parameters, 1.0F);
    for (const std::size_t each : {1, 0}) pass.observer->on_final(each);
    return 1;
  }
  ops::scores evaluate(std::span<const float>, const ops::tensor& inputs,
                       std::span<const std::int32_t>, std::span<const ops::table_part>) override {
    return {0, 0, inputs.extents()[0]};
  }

private:
  std::vector<ops::parameter_spec> specs_{{"first", {7}, {}}, {"second", {3, 2}, {}}};
};

catalog rows() {
  auto made = catalog::standard();
  made.models.push_back(
      {"count", "counts the updates", [](const ops::model_input&, const ops::model_settings&) {
         return std::unique_ptr<ops::network>(std::make_unique<count_network>());
       }});
  return made;
}

std::string job_text(const scenario& chosen) {
  return fmt::format(R"(
name = "simulated"
seed = {}
data = {{format = "synthetic", path = "blobs:{}:2:2", batch = {}, epochs = {}}}
model = {}
optimizer = {{name = "sgd", rate = 1.0, momentum = 0.0, weight_decay = 0.0}}
staleness = {{policy = "{}", switch = [{}]}}
topology = {{workers = {}, shards = {}, replicas = {}}}
restart = {{intensity = 50}}
evaluation = {{every = "1 epoch"}}
)",
                     chosen.seed, samples, batch_size, chosen.epochs, chosen.model, chosen.policy,
                     fmt::join(chosen.switches, ", "), chosen.workers, chosen.shards,
                     chosen.replicas);
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
      : chosen_(chosen), random_(std::make_shared<std::mt19937_64>(chosen.seed)), rows_(rows()),
        job_(job_of(chosen, rows_)), facts_(read_data_facts(job_, rows_).value()),
        checker_(watched(chosen)), audit_(make_feeder(job_, rows_, facts_, {})),
        leases_(leases_of(make_feeder(job_, rows_, facts_, {}))),
        simulated_(
            {.what = job_,
             .catalog = rows_,
             .facts = facts_,
             .job_text = to_toml(job_),
             .journal = [this](const journal_header& head) { return watching(head); },
             .writer = [this](caf::actor_system& in,
                              const actors::supervisor_actor& to) { return writer_of(in, to); }},
            [this](caf::actor_system& system, simulation::event_loop&) {
              return faulty_parts(system);
            },
            [this](std::size_t ready) { return pick(ready); }) {
    for (std::uint32_t crash = 0; crash < chosen_.crashes; ++crash)
      crashes_.push_back(pick(leases_ * 2 / 3) + 1);
    std::ranges::sort(crashes_, std::greater<>());
    for (std::uint32_t shard = 0; shard < std::min(chosen_.shard_crashes, chosen_.shards); ++shard)
      shard_crashes_.emplace_back(pick(leases_ * 2 / 3) + 1, shard_id{shard});
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
    made.promotions = promotions_;
    made.journals = std::move(journals_);
    if (made.breach.empty()) made.cuts = read_cuts();
    made.told = simulated_.has_begun() ? simulated_.watch().events : std::vector<std::string>();
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
    hub_.emplace(chosen_.seed + 1, [this, between](const transport::crossing& what,
                                                   std::function<void()> deliver) {
      if (holders_.contains(what.from) && holders_.contains(what.to)) return deliver();
      caf::anon_send(between,
                     crossing(std::make_shared<const std::function<void()>>(std::move(deliver))));
    });
    return {[this](transport::receiver& owner, const plane_needs& needs) {
              auto made = hub_->open(owner);
              if (needs.owner.role == actor_role::shard || needs.owner.role == actor_role::replica)
                holders_.insert(made->where().number);
              return result<std::unique_ptr<transport::endpoint>>(std::move(made));
            },
            [this](caf::actor_system& in, const actors::compute_request& asked) {
              auto made = std::make_shared<computation>(
                  make_computation(asked.what, rows_, asked.facts, asked.keeper));
              return keep(slow_compute(in, std::move(made), chosen_.steps, random_));
            },
            [this, &system](const actors::feeder_actor& feeder) {
              return keep(link_to(system, feeder, chosen_.faults, random_));
            }};
  }

  result<journal_sink> watching(const journal_header& head) {
    journals_.resize(chosen_.shards);
    auto& own = journals_[head.shard.value];
    if (head.continues.term == head.term) {
      own.entries.resize(head.continues.records);
      checker_.go_on_from(head.shard, own.entries);
      ++promotions_;
    } else {
      own.head = head;
    }
    return journal_sink([this](shard_id shard, std::span<const journal_entry> entries) {
      for (const auto& entry : entries) {
        checker_.see(shard, entry);
        journals_[shard.value].entries.push_back(entry);
      }
      return result<void>(success());
    });
  }

  actors::checkpoint_writer_actor writer_of(caf::actor_system& system,
                                            const actors::supervisor_actor& supervisor) {
    constexpr std::uint32_t all = 1000;
    return keep(system.spawn(
        actors::checkpoint_writer,
        actors::checkpoint_writer_setup{{disk_, checkpoints, "simulated", {all}}, supervisor, [] {
                                          return std::chrono::sys_seconds();
                                        }}));
  }

  std::vector<kept_cut> read_cuts() {
    std::vector<kept_cut> made;
    const checkpoint_store store(*disk_, checkpoints);
    const auto numbers = store.cuts().value();
    for (const auto number : numbers) {
      auto manifest = store.read_manifest(number);
      if (!manifest) continue; // it was given up
      auto& cut = made.emplace_back(kept_cut{std::move(manifest).value(), {}});
      for (std::uint32_t shard = 0; shard < chosen_.shards; ++shard)
        cut.shards.push_back(store.read(cut.manifest, shard_id{shard}).value());
    }
    return made;
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
    const auto is_due = [this](const auto& each) {
      return checker_.applied(each.second) >= each.first;
    };
    const auto due = std::ranges::find_if(shard_crashes_, is_due);
    if (due == shard_crashes_.end()) return;
    crash_a_holder(due->second);
    shard_crashes_.erase(due);
  }

  /// The shard, or its replica.
  void crash_a_holder(shard_id of) {
    const bool is_replica = chosen_.replicas > 0 && pick(3) == 0;
    const auto role = is_replica ? actor_role::replica : actor_role::shard;
    for (const auto& [who, node] : simulated_.nodes().nodes())
      if (who.name == actor_name{role, of.value})
        caf::anon_send_exit(node, caf::exit_reason::remote_link_unreachable);
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
    for (std::uint32_t shard = 0; shard < journals_.size(); ++shard)
      for (const auto& entry : journals_[shard].entries) audit_.see({shard}, entry);
    audit_.end();
    made.figures = simulated_.state().twin->summarise();
    const auto& counts = made.figures.leases;
    made.breach = checker_.breach();
    if (simulated_.state().twin->outcome() != job_outcome::done)
      made.breach = "EN-1: the job failed: " + simulated_.state().twin->cause();
    else if (counts.issued != leases || counts.lost != 0 ||
             (counts.applied + counts.set_aside != leases && !has_quorum()) ||
             counts.duplicated != 0)
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
  std::set<std::uint64_t> holders_; ///< endpoints of shards and replicas
  std::uint32_t promotions_ = 0;
  std::vector<std::pair<std::uint64_t, shard_id>> shard_crashes_; ///< at so many leases applied
  std::uint64_t leases_ = 0;
  std::vector<std::uint64_t> crashes_; ///< leases applied at which to crash; next one last
  std::shared_ptr<tests::faulty_disk> disk_ = std::make_shared<tests::faulty_disk>();
  std::optional<transport::hub> hub_;
  std::vector<caf::strong_actor_ptr> actors_;
  simulation::simulated_job simulated_; ///< last: its actors use the others
};

} // namespace

report simulate(const scenario& chosen) { return faulty_job(chosen).run(); }

std::string find_difference(const scenario& chosen, const report& recorded) {
  const auto known = rows();
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

std::string find_cut_difference(const scenario& chosen, const report& recorded,
                                const kept_cut& cut) {
  const auto known = rows();
  const auto what = job_of(chosen, known);
  const auto facts = read_data_facts(what, known).value();
  const auto training = open_data(what, known, data_split::train).value();
  auto journals = recorded.journals;
  for (const auto& state : cut.shards) {
    auto& entries = journals[state.shard.value].entries;
    if (state.records == 0 || state.records > entries.size())
      return fmt::format("shard-{} has {} of {} records", state.shard.value, state.records,
                         entries.size());
    entries.resize(state.records);
    if (entries.back().kind != journal_kind::state || entries.back().version != state.version ||
        entries.back().digest != sha256(std::as_bytes(state.values.values<float>())))
      return fmt::format("shard-{}'s journal does not end with this state", state.shard.value);
  }
  auto plan = make_replay_plan(journals);
  if (!plan) return plan.error().text;
  replay again({what, known, facts, *training}, std::move(plan).value(), {});
  if (const auto ran = again.run(); !ran) return ran.error().text;
  if (!again.difference().empty()) return again.difference();
  const auto made = again.parameters();
  for (const auto& state : cut.shards) {
    const auto values = state.values.values<float>();
    const auto found = std::as_const(made.shards[state.shard.value]->parameters).values<float>();
    if (!std::ranges::equal(values, found))
      return fmt::format("the parameters of shard-{} differ", state.shard.value);
  }
  return "";
}

std::string repeat_command(const scenario& chosen) {
  return fmt::format("LAGRANGE_SIM_SEED={} build/release/test_sim", chosen.seed);
}

} // namespace lagrange::sim
