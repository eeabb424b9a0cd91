#include "apps/command_line.hpp"

#include "apps/jobs/default_job.hpp"
#include "apps/list.hpp"
#include "runtime/job_security.hpp"
#include "runtime/nearest.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace lagrange {
namespace {

namespace fs = std::filesystem;
using runtime::errc;
using runtime::failure;
using runtime::result;

constexpr int status_refused = 2;
constexpr std::uintmax_t job_bytes_max = 1 << 20; // a thousand times a long config

/// A command line as a verb sees it.
struct invocation {
  std::span<const std::string> words; ///< after the verb
  const runtime::catalog& rows;
  const verb_functions& verbs;
  console text;
};

struct verb_row {
  std::string_view name;
  std::string_view help;
  int (*act)(const invocation&);
};
int act_run(const invocation& call);
int act_node(const invocation& call);
int act_list(const invocation& call);

constexpr verb_row verb_rows[] = {
    {"run", "train a job: the built-in one, or a config's", act_run},
    {"list", "what there is: models, policies, optimizers, schedules, codecs and more", act_list},
    {"node", "host one actor of a job (the supervisor starts these)", act_node},
};

int refuse(const console& text, std::string_view reasons) {
  std::istringstream lines{std::string(reasons)};
  for (std::string line; std::getline(lines, line);) text.err << "lagrange: " << line << "\n";
  return status_refused;
}

std::vector<std::string_view> option_names(const CLI::App& app) {
  std::vector<std::string_view> names;
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back(name);
  return names;
}

/// Parses the words. Empty when the verb may go on, else the exit status.
std::optional<int> parse(CLI::App& app, const invocation& call) {
  app.allow_extras();
  try {
    app.parse(std::vector<std::string>(call.words.rbegin(), call.words.rend()));
  } catch (const CLI::CallForHelp&) {
    call.text.out << app.help();
    return 0;
  } catch (const CLI::ParseError& wrong) {
    return refuse(call.text,
                  fmt::format("{}; see lagrange {} --help", wrong.what(), app.get_name()));
  }
  std::string reasons;
  const auto names = option_names(app);
  for (const auto& word : app.remaining()) {
    const auto bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    const auto near = bare == word ? "" : runtime::nearest(bare.substr(0, bare.find('=')), names);
    reasons +=
        fmt::format("{} is no option of {}{}; see lagrange {} --help\n", word, app.get_name(),
                    near.empty() ? "" : fmt::format(", did you mean --{}?", near), app.get_name());
  }
  if (!reasons.empty()) return refuse(call.text, reasons);
  return std::nullopt;
}

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

// ---- node ---------------------------------------------------------------------------------------
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t high) {
  std::uint32_t value = 0;
  const auto end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc{} || stop != end || value > high) return std::nullopt;
  return value;
}

std::optional<runtime::actor_name> parse_name(std::string_view text) {
  using enum runtime::actor_role;
  const auto dash = text.rfind('-');
  for (const auto role : {supervisor, worker, shard, feeder, evaluator}) {
    if (dash == text.npos || text.substr(0, dash) != name(role)) continue;
    if (const auto index = parse_number(text.substr(dash + 1), 65'535))
      return runtime::actor_name{role, *index};
  }
  return std::nullopt;
}

/// The files that admit a node to its job.
struct admission_flags {
  std::string token;
  runtime::transport::tls_files tls;
};

void add_admission_options(CLI::App& app, admission_flags& flags) {
  app.add_option("--token-file", flags.token, "64 hexadecimal digits that admit to the job")
      ->required()
      ->type_name("FILE");
  auto* certificate =
      app.add_option("--certificate", flags.tls.certificate, "of this process: use TLS");
  auto* key = app.add_option("--key", flags.tls.key, "of the certificate");
  auto* authority = app.add_option("--authority", flags.tls.authority, "signs all certificates");
  certificate->needs(key)->type_name("FILE.pem");
  key->needs(authority)->type_name("FILE.pem");
  authority->needs(certificate)->type_name("FILE.pem");
}

result<runtime::transport::security> read_admission(const admission_flags& flags) {
  BOOST_OUTCOME_TRY(token, runtime::transport::read_token(flags.token));
  if (flags.tls.certificate.empty()) return runtime::transport::security{token, {}};
  BOOST_OUTCOME_TRY(runtime::transport::check_tls(flags.tls));
  return runtime::transport::security{token, flags.tls};
}

int act_node(const invocation& call) {
  CLI::App app("Hosts one actor of a job, for the supervisor that starts it.", "node");
  std::string name, join;
  node_options options;
  app.add_option("--name", name, "what it hosts, as in worker-2")->required()->type_name("NAME");
  app.add_option("--join", join, "where the supervisor listens")
      ->required()
      ->type_name("HOST:PORT");
  app.add_option("--listen", options.listen, "address to listen at")
      ->capture_default_str()
      ->type_name("ADDR");
  app.add_option("--life", options.life.value, "incarnation of the actor")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app.add_option("--supervisor-pid", options.supervisor_pid, "end when this process does")
      ->type_name("PID")
      ->check(CLI::PositiveNumber);
  app.add_option("--residual-file", options.residual_file, "of what a codec has not sent")
      ->type_name("FILE");
  admission_flags files;
  add_admission_options(app, files);
  if (const auto status = parse(app, call)) return *status;
  std::string reasons;
  if (const auto parsed = parse_name(name))
    options.name = *parsed;
  else
    reasons += fmt::format(
        "--name {}: no name of an actor, expected one as in worker-2 or shard-0\n", name);
  const auto colon = join.rfind(':');
  const auto port = colon == join.npos || colon == 0
                        ? std::nullopt
                        : parse_number(std::string_view(join).substr(colon + 1), 65'535);
  if (port && *port > 0) {
    options.join_host = join.substr(0, colon);
    options.join_port = static_cast<std::uint16_t>(*port);
  } else {
    reasons += fmt::format("--join {}: expected HOST:PORT with a port from 1 to 65535\n", join);
  }
  if (const auto security = read_admission(files))
    options.security = security.value();
  else
    reasons += security.error().text + "\n";
  if (!reasons.empty()) return refuse(call.text, reasons);
  options.catalog = &call.rows;
  return call.verbs.node(options);
}

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

std::string short_help() {
  std::string text =
      "lagrange trains neural networks on many workers without making any of them "
      "wait.\n\n"
      "  lagrange run               train LeNet on Fashion-MNIST, 4 workers, 2 shards\n"
      "  lagrange run JOB.toml      train what a config describes\n"
      "  lagrange run --policy bsp  the same job under another staleness policy\n\n"
      "Verbs (each has --help):\n";
  for (const auto& verb : verb_rows) text += fmt::format("  {:<6} {}\n", verb.name, verb.help);
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
