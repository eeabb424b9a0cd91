// The verb `run`: this process holds the supervisor and the evaluator, shows the job, and keeps
// what it leaves behind.
#include "apps/run.hpp"

#include "actors/evaluator.hpp"
#include "actors/guarded_network.hpp"
#include "actors/local_launcher.hpp"
#include "actors/supervisor.hpp"
#include "actors/system.hpp"
#include "apps/interrupts.hpp"
#include "apps/live_view.hpp"
#include "apps/planes.hpp"
#include "apps/process_launcher.hpp"
#include "apps/run_folder.hpp"
#include "runtime/checkpoint.hpp"
#include "runtime/digest.hpp"
#include "runtime/files.hpp"
#include "runtime/job_chaos.hpp"
#include "runtime/permutation.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
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

constexpr std::string_view parameters_file = "parameters.ckpt";

/// Of all shards of a run.
journal_opener journals_in(const std::filesystem::path& run) {
  return [run](const journal_header& head) {
    return write_journal_to(journal_path(run, head.shard))(head);
  };
}

std::size_t threads_of(hosting where, const job& what) {
  return where == hosting::in_process ? what.topology.workers + what.topology.shards + 2 : 2;
}

/// One job from start to end, in the process of its supervisor.
class running_job {
public:
  running_job(const run_options& options, apps::interrupts& interrupts, apps::run_folder folder,
              supervisor_term term, data_facts facts, std::shared_ptr<const dataset> test)
      : options_(options), interrupts_(interrupts), folder_(std::move(folder)), term_(term),
        facts_(std::move(facts)), view_(options.mode, standard_screen()),
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
    if (const auto started = start(); !started) return give_up(started.error().text);
    watch_until_over();
    return finish();
  }

private:
  result<void> start() {
    auto setup = std::make_shared<actors::supervisor_setup>();
    const auto clock = static_cast<std::uint64_t>(steady::now().time_since_epoch().count());
    const job_id job{mix(clock ^ static_cast<std::uint64_t>(::getpid()))};
    const stamp self{job, term_, {}, {}, incarnation{1}};
    setup->options = make_supervisor(options_.job, *options_.catalog, facts_, self);
    setup->order = make_placement(self, options_.job_text, facts_);
    setup->evaluator = evaluator_;
    setup->evaluated = evaluated_;
    setup->needs = make_plane_needs(options_.job, *options_.catalog, facts_);
    if (options_.where == hosting::in_process) {
      setup->open_plane = apps::planes_of_process(options_.security);
      local_ = std::make_shared<actors::local_launcher>(
          system_, actors::local_launcher_setup{
                       options_.catalog, setup->open_plane, journals_in(folder_.path()), {}});
      setup->nodes = local_;
    } else {
      setup->open_plane = apps::planes_of_host(options_.security, loopback);
      setup->nodes = processes_ =
          std::make_shared<apps::process_launcher>(options_.security, folder_.path());
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

  void watch_until_over() {
    bool is_stopping = false;
    for (bool is_over = false; !is_over;) {
      pollfd interrupt{is_stopping ? -1 : interrupts_.pollable(), POLLIN, 0};
      ::poll(&interrupt, 1, static_cast<int>(view_period.count()));
      if (const auto signal = interrupts_.first(); signal && !is_stopping) {
        is_stopping = true;
        view_.event(fmt::format("stopping because of signal {}; once more ends at once", *signal));
        caf::anon_send(supervisor_, actors::end_atom::value, *signal);
      }
      is_over = !look();
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
              goes_on = !seen.is_over;
              if (seen.is_over) keep_status(seen.status); // with the last evaluation
            },
            [&](const caf::error& why) { broken_ = "the supervisor " + actors::cause_of(why); });
    return goes_on;
  }

  void tell(const std::string& event) {
    view_.event(event);
    keep("events.log",
         fmt::format("{:%Y-%m-%d %H:%M:%S} {}", fmt::localtime(std::time(nullptr)), event));
  }

  void show(const job_status& status) {
    view_.show(status);
    if (status.elapsed - metrics_kept_ >= metrics_period) keep_status(status);
  }

  void keep_status(const job_status& status) {
    if (std::exchange(metrics_kept_, status.elapsed) != status.elapsed)
      keep("metrics.jsonl", render_json(status));
  }

  /// A line for the run's folder. A full disk does not end the training; it is told once.
  void keep(std::string_view file, std::string_view line) {
    const auto kept = folder_.append(file, line);
    if (!kept && !std::exchange(is_disk_told_, true)) view_.error(kept.error().text);
  }

  int finish() {
    job_result end;
    if (broken_.empty())
      self_->request(supervisor_, watch_deadline, actors::end_atom::value)
          .receive(
              [&](const actors::job_end& found) { end = *found.what; },
              [&](const caf::error& why) { broken_ = "the supervisor " + actors::cause_of(why); });
    if (processes_ && !processes_->wait_for_all(end_grace)) processes_->kill_all();
    if (!broken_.empty()) return give_up(broken_);
    end.figures.wall_seconds = std::chrono::duration<double>(steady::now() - started_).count();
    if (end.outcome == job_outcome::failed) view_.error("the job failed: " + end.cause);
    const bool is_kept = keep_results(end);
    view_.finish(end.figures, folder_.path().string());
    if (end.outcome == job_outcome::interrupted) return 130;
    return end.outcome == job_outcome::done && is_kept ? 0 : 1;
  }

  bool keep_results(job_result& end) {
    std::vector<result<void>> kept;
    if (!end.parameters.empty()) kept.push_back(keep_parameters(end));
    const auto text = to_json(end.figures) + "\n";
    kept.push_back(folder_.write("summary.json", text));
    if (!options_.summary_file.empty())
      kept.push_back(write_atomically(options_.summary_file, std::as_bytes(std::span(text))));
    for (const auto& each : kept)
      if (!each) view_.error(each.error().text);
    return std::ranges::all_of(kept, [](const auto& each) { return each.has_value(); });
  }

  result<void> keep_parameters(job_result& end) {
    const auto values = assemble_values(options_.job, *options_.catalog, facts_, end.parameters);
    end.figures.parameters_sha256 = sha256_hex(values);
    checkpoint made{options_.job.name,
                    options_.job.model.name,
                    LAGRANGE_VERSION,
                    options_.job.seed,
                    options_.job_text,
                    {},
                    {},
                    {}};
    const auto network = make_network(options_.job, *options_.catalog, facts_.input);
    for (const auto& spec : network->parameters())
      made.parameters.push_back({spec.name, spec.extents});
    for (const auto& reply : end.parameters.shards)
      made.shards.push_back({{reply->from.name.index}, reply->version, reply->samples});
    return write_checkpoint(folder_.path() / parameters_file, made, values);
  }

  int give_up(const std::string& why) {
    view_.error(why);
    return 1;
  }

  const run_options& options_;
  apps::interrupts& interrupts_;
  apps::run_folder folder_;
  supervisor_term term_;
  data_facts facts_;
  steady::time_point started_ = steady::now();
  live_view view_;
  actors::system_config config_;
  caf::actor_system system_;
  caf::scoped_actor self_;
  actors::evaluator_actor evaluator_;
  std::shared_ptr<const wanted_rows> evaluated_; ///< rows of tables
  actors::supervisor_actor supervisor_;
  std::shared_ptr<actors::local_launcher> local_;
  std::shared_ptr<apps::process_launcher> processes_;
  std::chrono::milliseconds metrics_kept_{0};
  bool is_disk_told_ = false;
  std::string broken_; ///< why the supervisor cannot be asked any more
};

int refuse(const std::string& why) {
  fmt::print(stderr, "lagrange: {}\n", why);
  return 2;
}

} // namespace

int run_job(const run_options& options) {
  apps::interrupts interrupts; // before anything starts a thread
  auto test = open_data(options.job, *options.catalog, data_split::test);
  if (!test) return refuse(test.error().text);
  auto folder = apps::run_folder::create(options.job.output.dir, options.job.name);
  if (!folder) return refuse(folder.error().text);
  const auto term = folder.value().take_term();
  if (!term) return refuse(term.error().text);
  if (const auto kept = folder.value().write("job.toml", options.job_text); !kept)
    return refuse(kept.error().text);
  if (const auto made = folder.value().make("journal"); !made) return refuse(made.error().text);
  running_job running(options, interrupts, folder.value(), term.value(), options.facts,
                      std::move(test.value()));
  return running.run();
}

} // namespace lagrange
