#include "simulation.hpp"

#include "scenario_job.hpp"

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
#include <set>

namespace lagrange::sim {

using namespace runtime;
namespace simulation = actors::simulation;

namespace {

constexpr auto checkpoints = "/checkpoints";

/// What is there when a term is over, and the next one begins.
struct run_ledger {
  random_source random;
  std::shared_ptr<tests::faulty_disk> disk = std::make_shared<tests::faulty_disk>();
  supervisor_term term{1};
  found_start begin;
  std::map<supervisor_term, std::vector<journal>> journals; ///< by term and shard, as written
  std::vector<std::uint64_t> crashes, falls; ///< leases applied at which; the next one last
  /// Of shards or their replicas, likewise.
  std::vector<std::pair<std::uint64_t, shard_id>> holder_crashes{};
  std::uint32_t events = 0, promotions = 0;
  std::uint64_t rolled_back = 0;
};

/// One term of a job with faults, and what watches it.
class faulty_job {
public:
  faulty_job(const scenario& chosen, run_ledger& run)
      : chosen_(chosen), run_(run), random_(run.random), rows_(catalog::standard()),
        job_(job_of(chosen, rows_)), facts_(read_data_facts(job_, rows_).value()),
        checker_(watched(chosen)), audit_(make_feeder(job_, rows_, facts_, {})),
        leases_(leases_of(make_feeder(job_, rows_, facts_, {}))), disk_(run.disk),
        simulated_(
            {.what = job_,
             .catalog = rows_,
             .facts = facts_,
             .job_text = to_toml(job_),
             .term = run.term,
             .journal = [this](const journal_header& head) { return watching(head); },
             .writer = [this](caf::actor_system& in,
                              const actors::supervisor_actor& to) { return writer_of(in, to); },
             .begin = run.begin,
             .disk = run.disk},
            [this](caf::actor_system& system, simulation::event_loop&) {
              return faulty_parts(system);
            },
            [this](std::size_t ready) { return pick(ready); }) {
    if (run_.term.value > 1) {
      take_up_history();
      return;
    }
    const auto draw = [this](std::uint32_t count, std::vector<std::uint64_t>& moments) {
      for (std::uint32_t each = 0; each < count; ++each)
        moments.push_back(pick(leases_ * 2 / 3) + 1);
      std::ranges::sort(moments, std::greater<>());
    };
    draw(chosen_.crashes, run_.crashes);
    draw(chosen_.falls, run_.falls);
    for (std::uint32_t crash = 0; crash < chosen_.shard_crashes; ++crash)
      run_.holder_crashes.emplace_back(pick(leases_ * 2 / 3) + 1, shard_id{crash % chosen_.shards});
  }

  ~faulty_job() {
    while (!actors_.empty()) {
      caf::anon_send_exit(actors_.back(), caf::exit_reason::kill);
      actors_.pop_back();
    }
  }

  report run() {
    report made;
    while (made.breach.empty() && !has_fallen()) {
      step();
      made.events = ++run_.events;
      if (made.events > chosen_.step_limit)
        made.breach = "EN-1: the job does not end";
      else
        made.breach = checker_.breach();
    }
    if (made.breach.empty() && !is_last()) begin_next_term();
    if (made.breach.empty() && is_last()) settle(made);
    if (!made.breach.empty())
      made.breach = fmt::format("seed {}, event {}: {}; repeat it with {}", chosen_.seed,
                                made.events, made.breach, repeat_command(chosen_));
    made.fingerprint = checker_.fingerprint();
    made.journals = std::move(journals_);
    made.promotions = run_.promotions;
    made.terms = run_.term.value;
    made.rolled_back = run_.rolled_back;
    if (made.breach.empty() && is_last()) made.cuts = read_cuts();
    made.told = simulated_.has_begun() ? simulated_.watch().events : std::vector<std::string>();
    return made;
  }
  /// Whether the job has ended with this term.
  bool is_last() const { return !is_dead_ && !simulated_.state().twin->fall(); }

private:
  bool has_fallen() const { return is_dead_ || simulated_.is_over(); }

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
              made->begin_after(asked.cut);
              return keep(slow_compute(in, std::move(made), chosen_.steps, random_));
            },
            [this, &system](const actors::feeder_actor& feeder) {
              return keep(link_to(system, feeder, chosen_.faults, random_));
            }};
  }

  result<journal_sink> watching(const journal_header& head) {
    // A replica is promoted while its term comes down: that journal is not of the history.
    if (head.term != run_.term)
      return journal_sink(
          [](shard_id, std::span<const journal_entry>) -> result<void> { return success(); });
    journals_.resize(chosen_.shards);
    journals_[head.shard.value].head = head;
    auto& own = run_.journals[run_.term];
    own.resize(chosen_.shards);
    if (head.continues.term == head.term)
      go_on_as_promoted(head.shard, own[head.shard.value].entries, head.continues.records);
    else
      own[head.shard.value].head = head;
    return journal_sink([this](shard_id shard, std::span<const journal_entry> entries) {
      for (const auto& entry : entries) {
        run_.journals[run_.term][shard.value].entries.push_back(entry);
        see(shard, entry);
      }
      return result<void>(success());
    });
  }

  /// Of what the shard wrote beyond that, nobody has heard.
  void go_on_as_promoted(shard_id shard, std::vector<journal_entry>& of_term,
                         std::uint64_t records) {
    auto& all = journals_[shard.value].entries;
    all.resize(all.size() - (of_term.size() - records));
    of_term.resize(records);
    checker_.go_on_from(shard, all);
    ++run_.promotions;
  }

  void see(shard_id shard, const journal_entry& entry) {
    checker_.see(shard, entry);
    journals_[shard.value].entries.push_back(entry);
  }

  /// What every shard goes back to, as if it had been seen just now.
  void take_up_history() {
    journals_.resize(chosen_.shards);
    for (std::uint32_t shard = 0; shard < chosen_.shards; ++shard)
      for (const auto& entry : history_of(run_.begin.start.origin_of({shard}), {shard}))
        see({shard}, entry);
  }

  std::vector<journal_entry> history_of(const journal_origin& up_to, shard_id shard) const {
    if (up_to.term.value == 0) return {};
    const auto& own = run_.journals.at(up_to.term)[shard.value];
    auto made = history_of(own.head.continues, shard);
    made.insert(made.end(), own.entries.begin(),
                own.entries.begin() + static_cast<std::ptrdiff_t>(up_to.records));
    return made;
  }

  /// Everybody goes back to the newest whole cut, as a run does.
  void begin_next_term() {
    const auto seen =
        simulated_.has_begun() ? simulated_.state().twin->view().members : std::vector<member>();
    auto found = find_start(*disk_, checkpoints, chosen_.shards).value();
    found.start.lives.resize(chosen_.workers, {1});
    for (const auto& each : seen)
      found.start.lives[each.worker.value] =
          std::max(found.start.lives[each.worker.value], each.life.next());
    for (std::uint32_t shard = 0; const auto& each : run_.journals[run_.term]) {
      const auto counts = found.start.origin_of({shard++});
      run_.rolled_back +=
          each.entries.size() - (counts.term == run_.term ? counts.records : std::uint64_t{0});
    }
    run_.begin = std::move(found);
    run_.term = run_.term.next();
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
    const auto is_due = [this](const std::vector<std::uint64_t>& moments) {
      return !moments.empty() && checker_.applied({0}) >= moments.back();
    };
    if (is_due(run_.crashes)) {
      run_.crashes.pop_back();
      crash([](actor_role role) { return role == actor_role::worker; });
    }
    if (is_due(run_.falls)) {
      run_.falls.pop_back();
      if (pick(2) == 0)
        is_dead_ = true; // everybody, the supervisor too
      else
        crash([](actor_role role) { return role != actor_role::worker; });
    }
    const auto due = std::ranges::find_if(run_.holder_crashes, [this](const auto& each) {
      return checker_.applied(each.second) >= each.first;
    });
    if (due == run_.holder_crashes.end()) return;
    crash_a_holder(due->second);
    run_.holder_crashes.erase(due);
  }

  /// The shard, or its replica.
  void crash_a_holder(shard_id of) {
    const bool is_replica = chosen_.replicas > 0 && pick(3) == 0;
    const auto role = is_replica ? actor_role::replica : actor_role::shard;
    for (const auto& [who, node] : simulated_.nodes().nodes())
      if (who.name == actor_name{role, of.value})
        caf::anon_send_exit(node, caf::exit_reason::remote_link_unreachable);
  }

  template <class Which>
  void crash(const Which& which) {
    std::vector<actors::node_actor> candidates;
    for (const auto& [who, node] : simulated_.nodes().nodes())
      if (which(who.name.role)) candidates.push_back(node);
    if (!candidates.empty())
      caf::anon_send_exit(candidates[pick(candidates.size())],
                          caf::exit_reason::remote_link_unreachable);
  }

  bool is_live(worker_id worker, incarnation life) {
    if (!simulated_.has_begun()) return false; // in a term before, which was watched then
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
  run_ledger& run_;
  random_source random_;
  catalog rows_;
  job job_;
  data_facts facts_;
  invariants checker_;
  audit audit_;
  std::vector<journal> journals_;
  std::set<std::uint64_t> holders_; ///< endpoints of shards and replicas
  std::uint64_t leases_ = 0;
  std::shared_ptr<tests::faulty_disk> disk_;
  bool is_dead_ = false; ///< all of it
  std::optional<transport::hub> hub_;
  std::vector<caf::strong_actor_ptr> actors_;
  simulation::simulated_job simulated_; ///< last: its actors use the others
};

} // namespace

report simulate(const scenario& chosen) {
  run_ledger run{std::make_shared<std::mt19937_64>(chosen.seed)};
  for (;;) {
    faulty_job term(chosen, run);
    auto made = term.run();
    if (!made.breach.empty() || term.is_last()) return made;
  }
}

std::string repeat_command(const scenario& chosen) {
  return fmt::format("LAGRANGE_SIM_SEED={} build/release/test_sim", chosen.seed);
}

} // namespace lagrange::sim
