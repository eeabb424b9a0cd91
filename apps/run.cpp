// The verb `run`: this process holds the supervisor and the evaluator, shows the job, and keeps
// what it leaves behind.
#include "apps/run.hpp"

#include "actors/evaluator.hpp"
#include "actors/system.hpp"
#include "apps/control_socket.hpp"
#include "apps/descriptor_limit.hpp"
#include "apps/drain_orders.hpp"
#include "apps/interrupts.hpp"
#include "apps/left_behind.hpp"
#include "apps/recovery.hpp"
#include "apps/run_record.hpp"
#include "apps/running_term.hpp"
#include "apps/told_status.hpp"
#include "runtime/job_chaos.hpp"
#include "runtime/job_switch.hpp"
#include "runtime/journal_history.hpp"
#include "runtime/permutation.hpp"
#include "runtime/restart_rules.hpp"
#include "runtime/terms_tally.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
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

std::size_t threads_of(hosting where, const job& what) {
  return where == hosting::in_process ? what.topology.workers + what.topology.shards + 2 : 2;
}

std::chrono::milliseconds since(steady::time_point then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - then);
}

job_id draw_job_id() {
  const auto clock = static_cast<std::uint64_t>(steady::now().time_since_epoch().count());
  return {mix(clock ^ static_cast<std::uint64_t>(::getpid()))};
}

/// One job from start to end, in the process of its supervisor.
class running_job {
public:
  running_job(const run_options& options, apps::interrupts& interrupts, apps::run_record& record,
              std::shared_ptr<const dataset> test)
      : options_(options), interrupts_(interrupts), record_(record),
        config_(options.where == hosting::in_process ? actors::network::none : actors::network::caf,
                actors::scheduling::pool, threads_of(options.where, options.job)),
        system_(config_), parts_{system_, options, record, {}, {}},
        restarts_(make_restarts(options.job)) {
    auto tests = std::make_shared<evaluation>(
        std::move(test), std::make_unique<computation>(
                             make_computation(options.job, *options.catalog, options.facts)));
    parts_.evaluated = tests->rows();
    parts_.evaluator = system_.spawn<caf::detached>(actors::evaluator, std::move(tests));
  }

  ~running_job() {
    term_.reset();
    caf::anon_send_exit(parts_.evaluator, caf::exit_reason::user_shutdown);
  }

  int run() {
    if (const auto injected = to_string(chaos_of(options_.job)); !injected.empty())
      tell("times are injected: " + injected);
    interrupts_.on_second([this, run = record_.path()](int) {
      record_.command().lay_down(); // nodes end with it
      apps::sweep(run);
      fmt::print(stderr, "lagrange: ended at once; lagrange run --resume {} goes on with it\n",
                 run.string());
    });
    auto control = apps::control_socket::open(record_.path());
    if (control)
      control_ = &control.value();
    else // as on a file system without sockets
      tell("this job takes no orders: " + control.error().text);
    auto start = find_start();
    if (!start) return record_.give_up(start.error().text);
    for (auto next = std::move(start).value();;) {
      if (const auto begun = begin_term(next); !begun) return record_.give_up(begun.error().text);
      watch_until_over();
      if (record_.is_replaced()) return leave();
      if (!broken_.empty()) return record_.give_up(broken_);
      auto end = term_->end();
      if (!end) return record_.give_up(end.error().text);
      if (!may_go_back(end.value())) return finish(end.value());
      auto back = go_back(end.value());
      if (!back) return record_.give_up(back.error().text);
      next = std::move(back).value();
    }
  }

private:
  /// Where the first term of this process begins: that of a new run, or of one that goes on.
  result<found_start> find_start() {
    job_ = draw_job_id();
    if (options_.resume.empty()) return found_start{};
    const auto run = record_.path();
    if (record_.left()) return find_left_term();
    BOOST_OUTCOME_TRY(found, newest_start());
    const auto shards = options_.job.topology.shards;
    job_ = apps::job_id_of(run, found, shards).value_or(job_);
    apps::begin_after(found.start, lives_told(run, shards, options_.job.topology.places()));
    tally_.take_up(record_.earlier().figures);
    tell(fmt::format("the run goes on from {} as term {}", place_of(found), record_.term().value));
    return found;
  }

  /// Whatever its actors began with, they go on from where they are.
  found_start find_left_term() {
    const auto& left = *record_.left();
    found_start found;
    job_ = apps::job_id_of(record_.path(), found, options_.job.topology.shards).value_or(job_);
    tally_.take_up(record_.earlier().figures);
    tell(fmt::format("supervisor {} goes on with {} nodes of term {}, which their supervisor has "
                     "left",
                     record_.command().number().value, left.living.size(), left.term.value));
    return found;
  }

  /// Another supervisor has the run: nothing of it is touched any more.
  int leave() {
    term_->release();
    if (control_ != nullptr) control_->release();
    return record_.leave();
  }

  /// Of this run. Newer cuts that are damaged are told of.
  result<found_start> newest_start() {
    const auto disk = local_files();
    BOOST_OUTCOME_TRY(found, runtime::find_start(*disk, apps::checkpoints_of(record_.path()),
                                                 options_.job.topology.shards));
    for (const auto& why : found.passed_over) tell(why.text);
    return found;
  }

  static std::string place_of(const found_start& found) {
    return apps::place_of(
        found, std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  }

  result<void> begin_term(const found_start& begin) {
    term_.reset(); // what is left of the one before
    term_ = std::make_unique<apps::running_term>(parts_, job_, record_.term(), begin);
    term_began_ = steady::now();
    metrics_kept_ = {};
    has_stepped_ = false;
    return term_->start();
  }

  /// A job that lost a shard or its feeder goes on in another term, as its restart rules allow.
  bool may_go_back(job_result& end) {
    if (!end.fall) return false;
    if (is_stopping_) {
      end.outcome = job_outcome::interrupted;
      end.figures.outcome = "interrupted";
      return false;
    }
    const auto found = restarts_.on_death(end.fall->who, steady::now());
    wait_ = found.wait;
    if (!found.excess.empty()) end.cause += "; " + found.excess;
    return found.excess.empty();
  }

  /// Everybody goes back to the newest cut that is whole.
  result<found_start> go_back(const job_result& end) {
    if (!fallen_) fallen_ = steady::now();
    const auto trained = first_step_ ? since(term_began_) - *first_step_ : view_period * 0;
    tally_.add(end, trained);
    BOOST_OUTCOME_TRY(found, newest_start());
    tell(fmt::format("{} {}; everything goes back to {}", to_string(end.fall->who), end.fall->cause,
                     place_of(found)));
    apps::begin_after(found.start, lives_);
    for (const auto& [number, order] : std::exchange(switching_, {}))
      control_->answer(order.from, "refused the job went back to a time before the switch");
    if (control_ != nullptr) draining_.refuse_all("the job went back in time", *control_);
    parts_.vacant = end.vacant;
    pollfd stopped{interrupts_.pollable(), POLLIN, 0};
    ::poll(&stopped, 1, static_cast<int>(wait_.count()));
    BOOST_OUTCOME_TRY(record_.begin_term());
    return found;
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
        term_->kill({row.name, row.life});
  }

  void watch_until_over() {
    bool was_told = false; // this term's supervisor, to stop
    for (bool is_over = false; !is_over;) {
      waited_.assign(1, {is_stopping_ ? -1 : interrupts_.pollable(), POLLIN, 0});
      if (control_ != nullptr) control_->add_to(waited_);
      term_->add_to(waited_);
      ::poll(waited_.data(), waited_.size(), static_cast<int>(view_period.count()));
      term_->look_away();
      if (record_.is_replaced()) return;
      if (const auto signal = interrupts_.first(); signal && !was_told) {
        was_told = true;
        if (!std::exchange(is_stopping_, true))
          record_.view().event(
              fmt::format("stopping because of signal {}; once more ends at once", *signal));
        term_->stop(*signal);
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
    if (order.words.size() == 2 && order.words[0] == "drain")
      return draining_.obey(order, *term_, *control_);
    if (order.words.size() != 2 || order.words[0] != "policy")
      return refuse("this job takes three orders: policy POLICY, drain NODE, and status");
    const auto problem = switch_problem(order.words[1], options_.job, *options_.catalog);
    if (!problem.empty()) return refuse(problem);
    const auto receipt = term_->request({order.words[1]});
    if (!receipt) return refuse(receipt.error().text);
    if (receipt.value().number == 0) return refuse(receipt.value().refusal);
    switching_[receipt.value().number] = order;
  }

  /// With a status that is newer than the question.
  void answer_status(const job_status& status) {
    for (const auto& order : std::exchange(status_asked_, {}))
      control_->answer(order.from, "ok " + apps::tell_status(status, record_.term(), door()));
  }

  std::string door() const { return term_->door() ? to_string(*term_->door()) : std::string(); }

  void answer_switched(std::uint64_t done) {
    while (!switching_.empty() && switching_.begin()->first <= done) {
      const auto order = switching_.extract(switching_.begin()).mapped();
      control_->answer(order.from, "ok the policy is " + order.words[1]);
    }
  }

  /// Shows what is new. False: there will be no more.
  bool look() {
    auto seen = term_->watch();
    if (!seen) {
      broken_ = seen.error().text;
      return false;
    }
    auto& [status, events, is_over] = seen.value();
    for (const auto& event : events) tell(event);
    note(status);
    status.elapsed += began();
    show(status);
    if (!is_over) inject_deaths(status);
    answer_switched(status.switches);
    if (control_ != nullptr) draining_.look(status, *control_);
    if (is_over) keep_status(status); // with the last evaluation
    return !is_over;
  }

  /// From the first term's start to this one's.
  std::chrono::milliseconds began() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(term_began_ - started_) +
           record_.earlier().elapsed;
  }

  /// What a next term would have to know, and whether this one has got going.
  void note(const job_status& status) {
    lives_.clear();
    for (const auto& row : status.actors)
      if (row.name.role == actor_role::worker) {
        lives_.resize(std::max<std::size_t>(lives_.size(), row.name.index + std::size_t{1}));
        lives_[row.name.index] = row.life;
      }
    first_step_ = status.first_step.count() >= 0 ? std::optional(status.first_step) : std::nullopt;
    if (first_step_ && !std::exchange(has_stepped_, true)) switch_policy();
    if (!first_step_ || !fallen_) return;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        term_began_ + *first_step_ - *fallen_);
    tally_.on_recovery(took);
    tell(fmt::format("back in {:.2f} s as term {}", std::chrono::duration<double>(took).count(),
                     term_->number().value));
    fallen_.reset();
  }

  /// A run that is resumed under another policy, but was switched before its cut, has that still.
  void switch_policy() {
    const auto& in_force = term_->switched_to();
    if (options_.policy.empty() || in_force.empty() || in_force == options_.policy) return;
    const auto receipt = term_->request({options_.policy});
    if (!receipt || receipt.value().number == 0)
      tell(fmt::format("the policy could not be switched to {}: {}", options_.policy,
                       receipt ? receipt.value().refusal : receipt.error().text));
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

  int finish(job_result& end) {
    tally_.complete(end, began());
    end.figures.wall_seconds = std::chrono::duration<double>(steady::now() - started_).count();
    return record_.finish(end);
  }

  const run_options& options_;
  apps::interrupts& interrupts_;
  apps::run_record& record_;
  steady::time_point started_ = steady::now();
  actors::system_config config_;
  caf::actor_system system_;
  apps::term_parts parts_;
  job_id job_;
  std::unique_ptr<apps::running_term> term_;
  steady::time_point term_began_;
  std::optional<std::chrono::milliseconds> first_step_; ///< of the term, from its start
  bool has_stepped_ = false;
  std::vector<incarnation> lives_; ///< of the workers, as last seen
  restart_rules restarts_;         ///< of those with whom a term falls, over all terms
  std::chrono::milliseconds wait_{0};
  std::optional<steady::time_point> fallen_; ///< when a term was over, until another got going
  terms_tally tally_;
  bool is_stopping_ = false;
  std::chrono::milliseconds metrics_kept_{0};
  chaos chaos_ = chaos_of(options_.job);
  std::optional<steady::time_point> death_; ///< when the next one is due; none: not yet known
  std::uint64_t deaths_ = 0;
  apps::control_socket* control_ = nullptr; ///< null: the job takes no orders
  std::vector<pollfd> waited_;
  std::map<std::uint64_t, apps::control_order> switching_; ///< by the number of the switch
  std::vector<apps::control_order> status_asked_;
  apps::drain_orders draining_;
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
  auto own = options;
  const auto record = apps::run_record::begin(own);
  if (!record) return refuse(record.error().text);
  if (const auto& left = record.value()->left()) own.security.token = *left->token;
  running_job running(own, interrupts, *record.value(), std::move(test.value()));
  return running.run();
}

} // namespace lagrange
