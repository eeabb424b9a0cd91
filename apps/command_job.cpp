#include "apps/command_job.hpp"

#include "apps/jobs/default_job.hpp"
#include "apps/resumed_job.hpp"
#include "runtime/job_security.hpp"

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

/// The text below the options: every key, its default and its range.
std::string keys_help(const runtime::catalog& rows) {
  std::string text = "Keys of a config and of --set, with their defaults:\n";
  for (const auto& row : runtime::job_keys(rows))
    text += fmt::format("  {:<24} {:<36} {}\n", row.key, row.default_value, row.expected);
  return text;
}

/// What --set and the flags say of keys.
std::vector<std::string> overrides_of(const CLI::App& app, const job_flags& flags) {
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
  return overrides;
}

result<resumed_job> new_job(result<runtime::job> parsed) {
  BOOST_OUTCOME_TRY(what, std::move(parsed));
  return resumed_job{std::move(what), {}};
}

result<resumed_job> find_job(const CLI::App& app, const job_flags& flags,
                             const runtime::catalog& rows) {
  const auto overrides = overrides_of(app, flags);
  if (!flags.resume.empty()) return read_resumed_job(flags.resume, overrides, rows);
  if (app.count("JOB") == 0 && flags.file.empty())
    return new_job(runtime::parse_job(default_job(), "the built-in job", overrides, rows));
  BOOST_OUTCOME_TRY(text, read_job_file(flags.file));
  return new_job(runtime::parse_job(text, flags.file, overrides, rows));
}

} // namespace

void add_job_options(CLI::App& app, job_flags& flags, const runtime::catalog& rows) {
  flags.values.resize(std::size(key_flags));
  flags.lists.resize(std::size(list_flags));
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
  app.add_option("--summary", flags.summary_file, "write the summary to this file too")
      ->type_name("FILE.json");
  app.add_flag("--print-config", flags.prints_config, "print the whole config and stop");
  auto* plain = app.add_flag("--plain", flags.is_plain, "lines instead of the live table");
  auto* json = app.add_flag("--json", flags.is_json, "one JSON object a line on stdout");
  auto* quiet = app.add_flag("--quiet", flags.is_quiet, "nothing but errors");
  plain->excludes(json)->excludes(quiet);
  json->excludes(quiet);
  app.footer(keys_help(rows));
}

std::optional<int> read_job(const CLI::App& app, const job_flags& flags, const invocation& call,
                            run_options& out) {
  auto job = find_job(app, flags, call.rows);
  if (!job) return refuse(call.text, job.error().text);
  out.job = std::move(job.value().what);
  out.policy = std::move(job.value().policy);
  out.job_text = runtime::to_toml(out.job);
  if (flags.prints_config) {
    call.text.out << out.job_text;
    return 0;
  }
  out.mode = flags.is_json    ? output_mode::json
             : flags.is_quiet ? output_mode::quiet
             : flags.is_plain ? output_mode::plain
                              : output_mode::live;
  out.resume = flags.resume;
  out.summary_file = flags.summary_file;
  out.catalog = &call.rows;
  return std::nullopt;
}

std::string find_obstacles(run_options& options) {
  const auto& rows = *options.catalog;
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

} // namespace lagrange
