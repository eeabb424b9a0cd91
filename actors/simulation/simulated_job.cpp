#include "actors/simulation/simulated_job.hpp"

#include "actors/evaluator.hpp"
#include "runtime/job_chaos.hpp"
#include "runtime/permutation.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

namespace lagrange::actors::simulation {

using namespace runtime;

namespace {
/// Virtual time costs nothing, and where links lose one frame in seven, the last parameters may
/// have to be asked for often.
constexpr std::chrono::seconds end_deadline{30};

/// A link with what is injected on it.
link_times shaped(link_times link, const transport::link_shape& by) {
  link.latency += by.latency;
  const auto bits = by.bytes_per_second * 8;
  if (bits > 0 && (link.bits_per_second == 0 || bits < link.bits_per_second))
    link.bits_per_second = bits;
  return link;
}

} // namespace

simulated_job::simulated_job(const simulation_setup& setup, const parts_maker& parts,
                             event_loop::choice pick)
    : config_(network::none, scheduling::deterministic, 1), system_(config_),
      events_(system_, std::move(pick)), workers_(setup.what.topology.workers) {
  if (setup.tested) evaluator_ = system_.spawn(evaluator, setup.tested);
  auto chosen = standard_parts(setup);
  if (parts) {
    auto own = parts(system_, events_);
    if (own.planes) chosen.planes = std::move(own.planes);
    if (own.compute) chosen.compute = std::move(own.compute);
    chosen.feeder_link = std::move(own.feeder_link);
  }
  nodes_ = std::make_shared<local_launcher>(
      system_,
      local_launcher_setup{&setup.catalog, chosen.planes, setup.journal, chosen.compute, 0,
                           setup.writer, unsent_at(setup.disk, setup.begin.start), setup.disk});
  supervisor_ = system_.spawn(supervisor, make_setup(setup, chosen));
  watch_supervisor();
  caf::anon_send(supervisor_, start_atom::value);
  if (const auto injected = chaos_of(setup.what); injected.failures.count() > 0)
    plan_death(injected, 0);
}

/// The deaths of a job: each plans the next.
void simulated_job::plan_death(const chaos& injected, std::uint64_t number) {
  const auto next = injected.death(number, workers_);
  events_.at(now() + next.after, [this, injected, number, who = next.who] {
    if (state_ == nullptr || is_over()) return;
    kill_worker(who);
    plan_death(injected, number + 1);
  });
}

/// Of one that is not there at the moment: nothing.
void simulated_job::kill_worker(worker_id who) {
  for (const auto& [life, node] : nodes_->nodes())
    if (life.name == actor_name{actor_role::worker, who.value})
      caf::anon_send_exit(node, caf::exit_reason::remote_link_unreachable);
}

void simulated_job::watch_supervisor() {
  using holder = std::remove_pointer_t<supervisor_actor::stateful_pointer<supervisor_state>>;
  auto* actor = caf::actor_cast<caf::abstract_actor*>(supervisor_);
  state_ = &dynamic_cast<holder&>(*actor).state;
  actor->attach_functor([this](const caf::error& why) {
    state_ = nullptr;
    broken_ = "the supervisor " + cause_of(why);
  });
}

simulation_parts simulated_job::standard_parts(const simulation_setup& setup) {
  const auto injected = chaos_of(setup.what);
  network_.emplace(
      events_,
      [links = make_link_times(setup.what), injected](actor_name who) {
        return shaped(links, injected.link_of(who));
      },
      mix(setup.what.seed) | 1);
  auto steps = setup.steps;
  if (!steps)
    steps = [times = make_step_times(setup.what)](worker_id worker, worker_clock clock) {
      return times.of(worker, clock);
    };
  const auto& local = setup.what.staleness;
  const auto batches = local.dynamic_steps ? 1 : local.local_steps; // each has an id of its own
  steps = [steps = std::move(steps), injected, batches](worker_id worker, worker_clock clock) {
    const auto stretch = injected.stretch_of(worker) * injected.jitter(worker, clock) * batches;
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(static_cast<double>(steps(worker, clock).count()) * stretch));
  };
  auto computing = std::make_shared<shared_computation>(setup.what, setup.catalog, setup.facts);
  return {network_->planes(), simulated_compute(std::move(computing), std::move(steps)), {}};
}

std::shared_ptr<const supervisor_setup> simulated_job::make_setup(const simulation_setup& setup,
                                                                  const simulation_parts& parts) {
  auto made = std::make_shared<supervisor_setup>();
  const stamp self{job_id{mix(setup.what.seed)}, setup.term, {}, {}, incarnation{1}};
  made->options = make_supervisor(setup.what, setup.catalog, setup.facts, self);
  made->options.job.is_emulated = true;
  made->options.end_deadline = end_deadline;
  made->options.lives = first_lives(setup.term, setup.begin.start, setup.what.topology.places(),
                                    setup.what.topology.shards);
  made->options.vacant = setup.vacant;
  if (setup.admits)
    made->admits = [admits = setup.admits](const actor_life& who) -> runtime::result<void> {
      admits(who);
      return success();
    };
  made->options.cuts.last = setup.begin.ordered;
  made->order = make_placement(self, setup.job_text, setup.facts);
  made->order.start = setup.begin.start;
  made->nodes = nodes_;
  made->evaluator = evaluator_;
  if (setup.tested) made->evaluated = setup.tested->rows();
  made->open_plane = parts.planes;
  made->needs = make_plane_needs(setup.what, setup.catalog, setup.facts);
  made->feeder_link = parts.feeder_link;
  if (setup.writer)
    made->writer = setup.writer(system_, {});
  else
    made->options.cuts.every = {};
  return made;
}

simulated_job::~simulated_job() {
  for (const auto& [who, node] : nodes_->nodes())
    caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(supervisor_, caf::exit_reason::kill);
  caf::anon_send_exit(evaluator_, caf::exit_reason::kill);
  supervisor_ = nullptr;
  events_.drain();
}

void simulated_job::join() {
  system_.spawn([supervisor = supervisor_, nodes = nodes_](caf::event_based_actor* self) {
    self->request(supervisor, request_deadline, join_request{})
        .then(
            [supervisor, nodes](const join_answer& found) {
              if (found.refusal.empty()) nodes->launch_guest(found.who, supervisor);
            },
            [](const caf::error&) {});
  });
}

void simulated_job::drain(actor_name who) { caf::anon_send(supervisor_, drain_request{who}); }

void simulated_job::stop(int signal) { caf::anon_send(supervisor_, end_atom::value, signal); }

} // namespace lagrange::actors::simulation
