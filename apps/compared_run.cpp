#include "apps/compared_run.hpp"

#include "apps/run_folder.hpp"
#include "runtime/job_keys.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace lagrange::apps {

namespace fs = std::filesystem;
using namespace runtime;
using nlohmann::json;

namespace {

constexpr std::size_t metrics_bytes_max = 1 << 30;

/// Keys that do not make two runs different experiments.
constexpr std::array<std::string_view, 7> ignored_keys{
    "seed",         "chaos.seed",         "output.dir",         "security.certificate",
    "security.key", "security.authority", "security.token_file"};

bool is_compared(const key_rule& rule) { return std::ranges::count(ignored_keys, rule.key) == 0; }

result<void> check_folder(const fs::path& folder) {
  BOOST_OUTCOME_TRY(check_run_folder(folder));
  std::error_code wrong;
  if (!fs::exists(folder / "summary.json", wrong))
    return failure(errc::bad_argument,
                   fmt::format("{} has no summary.json: its job still runs, or was killed; "
                               "expected a run that has ended",
                               folder.string()));
  return success();
}

std::optional<double> number_in(const json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_number() ? std::optional(found->get<double>())
                                                   : std::nullopt;
}

/// The mean over the workers' last pushes.
std::optional<double> staleness_in(const json& line) {
  const auto actors = line.find("actors");
  if (actors == line.end() || !actors->is_array()) return std::nullopt;
  double sum = 0;
  int count = 0;
  for (const auto& actor : *actors) {
    if (!actor.is_object() || !actor.contains("name") || !actor["name"].is_string()) continue;
    if (!actor["name"].get<std::string>().starts_with("worker-")) continue;
    if (const auto value = number_in(actor, "staleness")) {
      sum += *value;
      ++count;
    }
  }
  return count > 0 ? std::optional(sum / count) : std::nullopt;
}

/// Whether the line is one of a status.
bool read_moment(std::string_view text, compared_run& run) {
  const auto line = json::parse(text, nullptr, false);
  if (!line.is_object()) return false;
  const auto seconds = number_in(line, "elapsed_seconds");
  if (!seconds) return false;
  run.moments.push_back({*seconds, number_in(line, "samples"), number_in(line, "test_accuracy"),
                         number_in(line, "test_loss"), staleness_in(line),
                         number_in(line, "samples_per_second")});
  if (const auto words = line.find("injected"); words != line.end() && words->is_string())
    run.injected = words->get<std::string>();
  return true;
}

/// A last line without an end was cut off by a full disk or a kill: it is left out.
result<void> read_moments(const fs::path& path, compared_run& run) {
  BOOST_OUTCOME_TRY(text, read_run_file(path, metrics_bytes_max));
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    if (end == rest.npos) break;
    if (!read_moment(rest.substr(0, end), run))
      return failure(errc::bad_file, fmt::format("{}:{}: no status of a job; copy the whole folder "
                                                 "of the run again, or delete that line",
                                                 path.string(), number));
    rest.remove_prefix(end + 1);
  }
  return success();
}

result<compared_run> read_one(const fs::path& folder, const catalog& rows) {
  BOOST_OUTCOME_TRY(check_folder(folder));
  compared_run made;
  made.folder = folder;
  BOOST_OUTCOME_TRY(text, read_run_file(folder / "job.toml"));
  BOOST_OUTCOME_TRY(parsed, parse_job(text, (folder / "job.toml").string(), {}, rows));
  made.job = std::move(parsed);
  const auto end = folder / "summary.json";
  BOOST_OUTCOME_TRY(ended, read_run_file(end));
  BOOST_OUTCOME_TRY(figures, parse_summary(ended, end.string()));
  made.end = std::move(figures);
  std::error_code wrong;
  if (const auto metrics = folder / "metrics.jsonl"; fs::exists(metrics, wrong)) {
    BOOST_OUTCOME_TRY(read_moments(metrics, made));
  }
  return made;
}

bool is_same_but_seed(const job& a, const job& b) {
  return std::ranges::all_of(key_rules(),
                             [&](const key_rule& rule) {
                               return !is_compared(rule) ||
                                      write_value(rule, a) == write_value(rule, b);
                             }) &&
         a.model == b.model;
}

} // namespace

result<std::vector<compared_run>> read_compared(const std::vector<std::string>& folders,
                                                const catalog& rows) {
  std::vector<compared_run> runs;
  std::string problems;
  std::size_t groups = 0;
  for (const auto& folder : folders) {
    auto run = read_one(folder, rows);
    if (!run) {
      problems += fmt::format("{}{}", problems.empty() ? "" : "\n", run.error().text);
      continue;
    }
    const auto alike = std::ranges::find_if(
        runs, [&](const auto& other) { return is_same_but_seed(other.job, run.value().job); });
    run.value().group = alike == runs.end() ? groups++ : alike->group;
    runs.push_back(std::move(run).value());
  }
  if (!problems.empty()) return failure(errc::bad_argument, problems);
  return runs;
}

std::vector<key_difference> key_differences(const std::vector<compared_run>& runs) {
  std::vector<key_difference> made;
  for (const auto& rule : key_rules()) {
    if (!is_compared(rule)) continue;
    std::vector<std::pair<std::string, std::string>> values; // and which runs have it
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const auto value = write_value(rule, runs[i].job);
      auto known = std::ranges::find(values, value, &std::pair<std::string, std::string>::first);
      if (known == values.end()) known = values.insert(values.end(), {value, ""});
      known->second += fmt::format("{}{}", known->second.empty() ? "" : ", ", i + 1);
    }
    if (values.size() < 2) continue;
    std::string text;
    for (const auto& [value, whose] : values)
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", whose, value);
    made.push_back({std::string(rule.key), std::move(text)});
  }
  return made;
}

} // namespace lagrange::apps
