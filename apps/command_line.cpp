#include "apps/command_line.hpp"

#include "apps/command_words.hpp"
#include "apps/jobs/default_job.hpp"
#include "apps/list.hpp"
#include "runtime/job_security.hpp"
#include "runtime/nearest.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace lagrange {
namespace {

namespace fs = std::filesystem;
using runtime::errc;
using runtime::failure;
using runtime::result;

constexpr std::uintmax_t job_bytes_max = 1 << 20; // a thousand times a long config

// ---- run ----------------------------------------------------------------------------------------

/// Text as a TOML string, so that an option's value is never taken for a number.
std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

/// Flags that are short for a key.
struct key_flag {
  const char* flag;
  std::string_view key;
  const char* value;
  bool is_text;
  const char* help;
};
constexpr key_flag key_flags[] = {
    {"--policy", "staleness.policy", "POLICY", true, "as in bsp, ssp:3 or asp"},
    {"--workers", "topology.workers", "N", false, "how many workers"},
    {"--shards", "topology.shards", "N", false, "how many shards"},
    {"--seed", "seed", "S", false, "of the parameters and the order of the samples"},
    {"--transport", "topology.transport", "WAY", true, "shm, tcp or inproc; auto: the nearest way"},
    {"--output", "output.dir", "DIR", true, "where run folders go"},
    {"--jitter", "chaos.jitter", "LAW", true, "inject times of steps that vary: lognormal:0.5"},
};
/// Flags that may be repeated, and are short for a key that is a list of texts.
constexpr key_flag list_flags[] = {
    {"--slow", "chaos.slow", "WHO:FACTOR", true,
     "inject a slow worker, as in worker-2:5x (repeat)"},
    {"--link", "chaos.link", "WHO:LINK", true,
     "inject slow links, as in shard-0:50ms,100Mbit (repeat)"},
};

result<std::string> read_job_file(const std::string& path) {
  std::error_code wrong;
  const auto status = fs::status(path, wrong);
  if (!fs::exists(status))
    return failure(errc::bad_file, path + ": no such file, expected a job's config; lagrange run "
                                          "--print-config prints one to start from");
  if (!fs::is_regular_file(status))
    return failure(errc::bad_file, path + ": not a file, expected a job's config");
  if (fs::file_size(path, wrong) > job_bytes_max)
    return failure(errc::bad_file, path + ": larger than 1 MiB, expected a job's config");
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return failure(errc::bad_file, path + ": cannot be read; check its permissions");
  return text;
}

/// What the flags of `run` said.
struct run_flags {
  std::string file;
  std::vector<std::string> set;
  std::vector<std::string> values = std::vector<std::string>(std::size(key_flags));
  std::vector<std::vector<std::string>> lists{std::size(list_flags)};
  std::string summary_file;
  bool is_in_process = false, prints_config = false, is_plain = false, is_json = false,
       is_quiet = false;
};

void add_run_options(CLI::App& app, run_flags& flags) {
  app.add_option("JOB", flags.file, "config of the job; without one the built-in job runs")
      ->type_name("");
  app.add_option("--set", flags.set, "give a key another value, as in --set data.batch=32 (repeat)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  for (std::size_t i = 0; i < std::size(key_flags); ++i)
    app.add_option(key_flags[i].flag, flags.values[i],
                   fmt::format("{}: {}", key_flags[i].key, key_flags[i].help))
        ->type_name(key_flags[i].value);
  for (std::size_t i = 0; i < std::size(list_flags); ++i)
    app.add_option(list_flags[i].flag, flags.lists[i],
                   fmt::format("{}: {}", list_flags[i].key, list_flags[i].help))
        ->type_name(list_flags[i].value)
        ->allow_extra_args(false);
  app.add_flag("--in-process", flags.is_in_process, "all actors in this process");
  app.add_option("--summary", flags.summary_file, "write the summary to this file too")
      ->type_name("FILE.json");
  app.add_flag("--print-config", flags.prints_config, "print the whole config and stop");
  auto* plain = app.add_flag("--plain", flags.is_plain, "lines instead of the live table");
  auto* json = app.add_flag("--json", flags.is_json, "one JSON object a line on stdout");
  auto* quiet = app.add_flag("--quiet", flags.is_quiet, "nothing but errors");
  plain->excludes(json)->excludes(quiet);
  json->excludes(quiet);
}

/// The text below the options: every key, its default and its range.
std::string keys_help(const runtime::catalog& rows) {
  std::string text = "Keys of a config and of --set, with their defaults:\n";
  for (const auto& row : runtime::job_keys(rows))
    text += fmt::format("  {:<24} {:<36} {}\n", row.key, row.default_value, row.expected);
  return text;
}

result<runtime::job> read_job(const CLI::App& app, const run_flags& flags,
                              const runtime::catalog& rows) {
  auto overrides = flags.set;
  for (std::size_t i = 0; i < std::size(key_flags); ++i)
    if (app.count(key_flags[i].flag) > 0)
      overrides.push_back(
          fmt::format("{}={}", key_flags[i].key,
                      key_flags[i].is_text ? toml_string(flags.values[i]) : flags.values[i]));
  for (std::size_t i = 0; i < std::size(list_flags); ++i) {
    std::string list;
    for (const auto& text : flags.lists[i]) list += (list.empty() ? "" : ", ") + toml_string(text);
    if (!list.empty()) overrides.push_back(fmt::format("{}=[{}]", list_flags[i].key, list));
  }
  if (app.count("JOB") == 0)
    return runtime::parse_job(default_job(), "the built-in job", overrides, rows);
  BOOST_OUTCOME_TRY(text, read_job_file(flags.file));
  return runtime::parse_job(text, flags.file, overrides, rows);
}

/// What the machine says about the job: its data, whose facts are kept, and where results go.
std::string find_obstacles(run_options& options, const runtime::catalog& rows) {
  std::string reasons;
  const auto facts = runtime::read_data_facts(options.job, rows);
  if (!facts) {
    reasons += facts.error().text + "\n";
  } else if (const auto checked = runtime::check_job(options.job, facts.value(), rows); !checked) {
    reasons += checked.error().text + "\n";
  } else {
    options.facts = facts.value();
  }
  if (const auto security = runtime::read_security(options.job))
    options.security = security.value();
  else
    reasons += security.error().text + "\n";
  std::error_code wrong;
  const auto& dir = options.job.output.dir;
  if (fs::exists(dir, wrong) && !fs::is_directory(dir, wrong))
    reasons +=
        runtime::key_error(options.job, "output.dir", "not a folder, expected a folder") + "\n";
  const auto folder = fs::path(options.summary_file).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, wrong))
    reasons += fmt::format("--summary {}: there is no folder {}; make it first\n",
                           options.summary_file, folder.string());
  return reasons;
}

} // namespace

int act_run(const invocation& call) {
  CLI::App app("Trains a job to its end.", "run");
  run_flags flags;
  add_run_options(app, flags);
  app.footer(keys_help(call.rows));
  if (const auto status = parse(app, call)) return *status;
  auto job = read_job(app, flags, call.rows);
  if (!job) return refuse(call.text, job.error().text);
  run_options options;
  options.job = std::move(job.value());
  options.job_text = runtime::to_toml(options.job);
  if (flags.prints_config) {
    call.text.out << options.job_text;
    return 0;
  }
  const bool is_one = flags.is_in_process || options.job.topology.transport == "inproc";
  options.where = is_one ? hosting::in_process : hosting::processes;
  options.mode = flags.is_json    ? output_mode::json
                 : flags.is_quiet ? output_mode::quiet
                 : flags.is_plain ? output_mode::plain
                                  : output_mode::live;
  options.summary_file = flags.summary_file;
  options.catalog = &call.rows;
  const auto obstacles = find_obstacles(options, call.rows);
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
    {"list", "what there is: models, policies, optimizers, schedules, codecs and more", act_list},
    {"replay", "recompute a recorded run, and compare it bit by bit", act_replay},
    {"audit", "prove from a run's journals that no sample was lost or used twice", act_audit},
    {"check-policy", "drive a policy through thousands of seeded schedules", act_check_policy},
    {"compare", "show runs side by side, in a table and on a page with curves", act_compare},
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
  for (const auto& verb : verb_rows) text += fmt::format("  {:<12} {}\n", verb.name, verb.help);
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
