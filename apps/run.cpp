// The verb `run`: this process holds the supervisor and the evaluator, shows the job, and keeps
// what it leaves behind.
#include "apps/run.hpp"

#include "actors/evaluator.hpp"
#include "actors/guarded_network.hpp"
#include "actors/local_launcher.hpp"
#include "actors/supervisor.hpp"
#include "actors/system.hpp"
#include "apps/control_socket.hpp"
#include "apps/descriptor_limit.hpp"
#include "apps/interrupts.hpp"
#include "apps/left_behind.hpp"
#include "apps/planes.hpp"
#include "apps/process_launcher.hpp"
#include "apps/run_record.hpp"
#include "apps/told_status.hpp"
#include "runtime/job_chaos.hpp"
#include "runtime/job_switch.hpp"
#include "runtime/permutation.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <ctime>

namespace lagrange {

namespace {

using namespace runtime;
using steady = std::chrono::steady_clock;

/// How often the view is redrawn.
constexpr std::chrono::milliseconds view_period{200};
/// How often a line goes into metrics.jsonl.
constexpr std::chrono::milliseconds metrics_period{1000};
/// The supervisor answers within this, or something is badly wrong.
constexpr std::chrono::seconds watch_deadline{10};
/// Nodes that were told to end get so long before they are killed.
constexpr std::chrono::milliseconds end_grace{2000};

/// Nodes of this host alone can reach a job.
constexpr auto loopback = "127.0.0.1";

std::size_t threads_of(hosting where, const job& what) {
  return where == hosting::in_process ? what.topology.workers + what.topology.shards + 2 : 2;
}

/// One job from start to end, in the process of its supervisor.
class running_job {
public:
  running_job(const run_options& options, apps::interrupts& interrupts, apps::run_record& record,
              std::shared_ptr<const dataset> test)
      : options_(options), interrupts_(interrupts), record_(record), facts_(options.facts),
        config_(options.where == hosting::in_process ? actors::network::none : actors::network::caf,
                actors::scheduling::pool, threads_of(options.where, options.job)),
        system_(config_), self_(system_) {
    auto tests = std::make_shared<evaluation>(
        std::move(test),
        std::make_unique<computation>(make_computation(options.job, *options.catalog, facts_)));
    evaluated_ = tests->rows();
    evaluator_ = system_.spawn<caf::detached>(actors::evaluator, std::move(tests));
  }

  ~running_job() {
    caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(evaluator_, caf::exit_reason::user_shutdown);
    if (local_)
      for (const auto& [who, node] : local_->nodes())
        caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
  }

  int run() {
    if (const auto injected = to_string(chaos_of(options_.job)); !injected.empty())
      tell("times are injected: " + injected);
    interrupts_.on_second([run = record_.path()](int) { apps::sweep(run); });
    auto control = apps::control_socket::open(record_.path());
    if (control)
      control_ = &control.value();
    else // as on a file system without sockets
      tell("this job takes no orders: " + control.error().text);
    if (const auto started = start(); !started) return record_.give_up(started.error().text);
    watch_until_over();
    return finish();
  }

private:
  result<void> start() {
    auto setup = std::make_shared<actors::supervisor_setup>();
    const auto clock = static_cast<std::uint64_t>(steady::now().time_since_epoch().count());
    const job_id job{mix(clock ^ static_cast<std::uint64_t>(::getpid()))};
    const stamp self{job, record_.term(), {}, {}, incarnation{1}};
    setup->options = make_supervisor(options_.job, *options_.catalog, facts_, self);
    setup->order = make_placement(self, options_.job_text, facts_);
    setup->evaluator = evaluator_;
    setup->evaluated = evaluated_;
    setup->needs = make_plane_needs(options_.job, *options_.catalog, facts_);
    if (options_.where == hosting::in_process) {
      setup->open_plane = apps::planes_of_process(options_.security);
      local_ = std::make_shared<actors::local_launcher>(
          system_, actors::local_launcher_setup{
                       options_.catalog, setup->open_plane, record_.journals(), {}, ::getpid()});
      setup->nodes = local_;
    } else {
      setup->open_plane = apps::planes_of_host(options_.security, loopback);
      setup->nodes = processes_ =
          std::make_shared<apps::process_launcher>(options_.security, record_.path());
    }
    supervisor_ = system_.spawn(actors::supervisor,
                                std::shared_ptr<const actors::supervisor_setup>(std::move(setup)));
    if (processes_) {
      BOOST_OUTCOME_TRY(port,
                        actors::publish(system_, supervisor_, loopback, 0, options_.security));
      processes_->join_at(loopback, port);
    }
    caf::anon_send(supervisor_, actors::start_atom::value);
    return success();
  }

  /// Kills whom the job's chaos says, when it says so.
  void inject_deaths(const job_status& status) {
    if (chaos_.failures.count() == 0 || status.leases_closed == 0) return;
    const auto now = steady::now();
    if (!death_) death_ = now + chaos_.death(deaths_, options_.job.topology.workers).after;
    if (now < *death_) return;
    const auto next = chaos_.death(deaths_++, options_.job.topology.workers);
    *death_ += chaos_.death(deaths_, options_.job.topology.workers).after;
    for (const auto& row : status.actors)
      if (row.name == actor_name{actor_role::worker, next.who.value} && row.state == "running")
        processes_->kill({row.name, row.life});
  }

  void watch_until_over() {
    bool is_stopping = false;
    for (bool is_over = false; !is_over;) {
      waited_.assign(1, {is_stopping ? -1 : interrupts_.pollable(), POLLIN, 0});
      if (control_ != nullptr) control_->add_to(waited_);
      ::poll(waited_.data(), waited_.size(), static_cast<int>(view_period.count()));
      if (const auto signal = interrupts_.first(); signal && !is_stopping) {
        is_stopping = true;
        record_.view().event(
            fmt::format("stopping because of signal {}; once more ends at once", *signal));
        caf::anon_send(supervisor_, actors::end_atom::value, *signal);
      }
      if (control_ != nullptr)
        for (const auto& order : control_->take_orders()) obey(order);
      is_over = !look();
    }
  }

  /// An order is answered when it is carried out, or refused.
  void obey(const apps::control_order& order) {
    const auto refuse = [&](const std::string& why) {
      control_->answer(order.from, "refused " + why);
    };
    if (order.words == std::vector<std::string>{"status"}) return status_asked_.push_back(order);
    if (order.words.size() != 2 || order.words[0] != "policy")
      return refuse("this job takes two orders: policy POLICY, and status");
    const auto problem = switch_problem(order.words[1], options_.job, *options_.catalog);
    if (!problem.empty()) return refuse(problem);
    self_->request(supervisor_, watch_deadline, switch_request{order.words[1]})
        .receive(
            [&](const switch_receipt& receipt) {
              if (receipt.number == 0) return refuse(receipt.refusal);
              switching_[receipt.number] = order;
            },
            [&](const caf::error& why) { refuse("the supervisor " + actors::cause_of(why)); });
  }

  /// With a status that is newer than the question.
  void answer_status(const job_status& status) {
    for (const auto& order : std::exchange(status_asked_, {}))
      control_->answer(order.from, "ok " + apps::tell_status(status, record_.term()));
  }

  void answer_switched(std::uint64_t done) {
    while (!switching_.empty() && switching_.begin()->first <= done) {
      const auto order = switching_.extract(switching_.begin()).mapped();
      control_->answer(order.from, "ok the policy is " + order.words[1]);
    }
  }

  /// Shows what is new. False: there will be no more.
  bool look() {
    bool goes_on = false;
    self_->request(supervisor_, watch_deadline, watch_request{})
        .receive(
            [&](const watch_reply& seen) {
              for (const auto& event : seen.events) tell(event);
              show(seen.status);
              if (!seen.is_over) inject_deaths(seen.status);
              answer_switched(seen.status.switches);
              goes_on = !seen.is_over;
              if (seen.is_over) keep_status(seen.status); // with the last evaluation
            },
            [&](const caf::error& why) { broken_ = "the supervisor " + actors::cause_of(why); });
    return goes_on;
  }

  void tell(const std::string& event) {
    const auto now = fmt::localtime(std::time(nullptr));
    record_.event(event, {fmt::format("{:%Y-%m-%d}", now), fmt::format("{:%H:%M:%S}", now)});
  }

  void show(const job_status& status) {
    record_.view().show(status);
    answer_status(status);
    if (status.elapsed - metrics_kept_ >= metrics_period) keep_status(status);
  }

  void keep_status(const job_status& status) {
    if (std::exchange(metrics_kept_, status.elapsed) != status.elapsed) record_.keep(status);
  }

  int finish() {
    job_result end;
    if (broken_.empty())
      self_->request(supervisor_, watch_deadline, actors::end_atom::value)
          .receive(
              [&](const actors::job_end& found) { end = *found.what; },
              [&](const caf::error& why) { broken_ = "the supervisor " + actors::cause_of(why); });
    if (processes_ && !processes_->wait_for_all(end_grace)) processes_->kill_all();
    if (!broken_.empty()) return record_.give_up(broken_);
    end.figures.wall_seconds = std::chrono::duration<double>(steady::now() - started_).count();
    return record_.finish(end);
  }

  const run_options& options_;
  apps::interrupts& interrupts_;
  apps::run_record& record_;
  const data_facts& facts_;
  steady::time_point started_ = steady::now();
  actors::system_config config_;
  caf::actor_system system_;
  caf::scoped_actor self_;
  actors::evaluator_actor evaluator_;
  std::shared_ptr<const wanted_rows> evaluated_; ///< rows of tables
  actors::supervisor_actor supervisor_;
  std::shared_ptr<actors::local_launcher> local_;
  std::shared_ptr<apps::process_launcher> processes_;
  std::chrono::milliseconds metrics_kept_{0};
  chaos chaos_ = chaos_of(options_.job);
  std::optional<steady::time_point> death_; ///< when the next one is due; none: not yet known
  std::uint64_t deaths_ = 0;
  apps::control_socket* control_ = nullptr; ///< null: the job takes no orders
  std::vector<pollfd> waited_;
  std::map<std::uint64_t, apps::control_order> switching_; ///< by the number of the switch
  std::vector<apps::control_order> status_asked_;
  std::string broken_; ///< why the supervisor cannot be asked any more
};

int refuse(const std::string& why) {
  fmt::print(stderr, "lagrange: {}\n", why);
  return 2;
}

} // namespace

int run_job(const run_options& options) {
  if (options.where == hosting::in_process && chaos_of(options.job).failures.count() > 0)
    return refuse(key_error(options.job, "chaos.failures",
                            "kills processes, but the workers of this job are threads of one; run "
                            "it without --in-process, or simulate it"));
  const auto allowed = apps::allow_descriptors(apps::descriptors_of(options.job));
  if (!allowed) return refuse(allowed.error().text);
  apps::interrupts interrupts; // before anything starts a thread
  auto test = open_data(options.job, *options.catalog, data_split::test);
  if (!test) return refuse(test.error().text);
  const auto record = apps::run_record::begin(options);
  if (!record) return refuse(record.error().text);
  running_job running(options, interrupts, *record.value(), std::move(test.value()));
  return running.run();
}

} // namespace lagrange
