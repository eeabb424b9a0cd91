#include "apps/command_line.hpp"

#include "apps/command_job.hpp"
#include "apps/list.hpp"
#include "runtime/nearest.hpp"

#include <fmt/format.h>

namespace lagrange {
namespace {

// ---- run ----------------------------------------------------------------------------------------

/// Workers of which each is a process: more than one host can bear.
constexpr std::uint32_t worker_processes_max = 1'024;

} // namespace

int act_run(const invocation& call) {
  CLI::App app("Trains a job to its end.", "run");
  job_flags flags;
  bool is_in_process = false;
  add_job_options(app, flags, call.rows);
  app.add_flag("--in-process", is_in_process, "all actors in this process");
  app.add_option(
         "--resume", flags.resume,
         "go on with a run that was interrupted or killed, in its folder: with the nodes that "
         "its supervisor has just left, or from its newest checkpoint")
      ->type_name("RUN");
  if (const auto status = parse(app, call)) return *status;
  if (app.count("--resume") > 0 && (app.count("JOB") > 0 || flags.resume.empty()))
    return refuse(call.text, "--resume RUN takes the job from the run's folder, and no other");
  run_options options;
  if (const auto status = read_job(app, flags, call, options)) return *status;
  const bool is_one = is_in_process || options.job.topology.transport == "inproc";
  options.where = is_one ? hosting::in_process : hosting::processes;
  auto obstacles = find_obstacles(options);
  if (options.job.topology.workers > worker_processes_max)
    obstacles += runtime::key_error(options.job, "topology.workers",
                                    fmt::format("each is a process, expected at most {}; lagrange "
                                                "simulate takes more",
                                                worker_processes_max));
  else if (options.job.topology.max_workers > worker_processes_max)
    obstacles += runtime::key_error(
        options.job, "topology.max_workers",
        fmt::format("each is a process, expected at most {}", worker_processes_max));
  return obstacles.empty() ? call.verbs.run(options) : refuse(call.text, obstacles);
}

namespace {

// ---- list ---------------------------------------------------------------------------------------

int act_list(const invocation& call) {
  CLI::App app("Prints what there is.", "list");
  std::string word;
  bool is_json = false;
  std::vector<std::string_view> names;
  std::string choices;
  for (const auto& table : list_tables()) {
    names.push_back(table.name);
    choices += fmt::format("  lagrange list {:<12} {}\n", table.name, table.help);
  }
  app.add_option("TABLE", word, "which table")->type_name("");
  app.add_flag("--json", is_json, "one JSON object a line");
  app.footer("Tables:\n" + choices);
  if (const auto status = parse(app, call)) return *status;
  if (app.count("TABLE") == 0) {
    call.text.out << choices;
    return 0;
  }
  for (const auto& table : list_tables()) {
    if (table.name != word) continue;
    const auto rows = table.rows(call.rows);
    call.text.out << (is_json ? list_json(rows) : list_text(rows));
    return 0;
  }
  return refuse(call.text, fmt::format("there is no list of {}, expected one of {}{}", word,
                                       fmt::join(names, ", "), runtime::did_you_mean(word, names)));
}

// ---- the program --------------------------------------------------------------------------------

struct verb_row {
  std::string_view name;
  std::string_view help;
  int (*act)(const invocation&);
};
constexpr verb_row verb_rows[] = {
    {"run", "train a job: the built-in one, or a config's", act_run},
    {"simulate", "the same job with any number of workers, in one process and virtual time",
     act_simulate},
    {"list", "what there is: models, policies, optimizers, schedules, codecs and more", act_list},
    {"replay", "recompute a recorded run, and compare it bit by bit", act_replay},
    {"audit", "prove from a run's journals that no sample was lost or used twice", act_audit},
    {"check-policy", "drive a policy through thousands of seeded schedules", act_check_policy},
    {"compare", "show runs side by side, in a table and on a page with curves", act_compare},
    {"ctl", "give an order to a running job: another policy, or to tell its status", act_control},
    {"ps", "list the jobs that run, with the process of each actor", act_ps},
    {"chaos", "kill and stop a job's processes by a seeded plan, and prove that nothing was lost",
     act_chaos},
    {"standby", "wait beside a running job, and take it over when its supervisor dies",
     act_standby},
    {"node", "host one actor of a job (the supervisor starts these)", act_node},
};

std::string short_help() {
  std::string text =
      "lagrange trains neural networks on many workers without making any of them "
      "wait.\n\n"
      "  lagrange run               train LeNet on Fashion-MNIST, 4 workers, 2 shards\n"
      "  lagrange run JOB.toml      train what a config describes\n"
      "  lagrange run --policy bsp  the same job under another staleness policy\n\n"
      "Verbs (each has --help):\n";
  for (const auto& verb : verb_rows) text += fmt::format("  {:<13} {}\n", verb.name, verb.help);
  return text;
}

} // namespace

int command_line(std::span<const std::string> words, const runtime::catalog& rows,
                 const verb_functions& verbs, console text) {
  const std::string first = words.empty() ? "--help" : words[0];
  if (first == "--help" || first == "-h" || first == "help") {
    text.out << short_help();
    return 0;
  }
  if (first == "--version") {
    text.out << "lagrange " LAGRANGE_VERSION "\n";
    return 0;
  }
  std::vector<std::string_view> names;
  for (const auto& verb : verb_rows) {
    if (verb.name == first) return verb.act({words.subspan(1), rows, verbs, text});
    names.push_back(verb.name);
  }
  return refuse(text, fmt::format("there is no verb {}, expected one of {}{}", first,
                                  fmt::join(names, ", "), runtime::did_you_mean(first, names)));
}

} // namespace lagrange
