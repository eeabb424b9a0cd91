#include "apps/prediction.hpp"

#include "apps/run_folder.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace lagrange::apps {

using namespace runtime;
namespace fs = std::filesystem;

namespace {

/// One line of the table.
struct figure {
  const char* name;
  int digits;
  std::optional<double> (*of)(const summary& x);
};

constexpr figure figures[] = {
    {"workers", 0, [](const summary& x) { return std::optional(static_cast<double>(x.workers)); }},
    {"wall seconds", 2, [](const summary& x) { return std::optional(x.wall_seconds); }},
    {"train seconds", 2, [](const summary& x) { return std::optional(x.train_seconds); }},
    {"samples/s", 0, [](const summary& x) { return x.samples_per_second; }},
    {"seconds to target", 2, [](const summary& x) { return x.time_to_target_seconds; }},
    {"test accuracy", 4, [](const summary& x) { return x.test_accuracy; }},
    {"test loss", 4, [](const summary& x) { return x.test_loss; }},
    {"staleness p50", 0, [](const summary& x) { return x.staleness.p50; }},
    {"staleness p99", 0, [](const summary& x) { return x.staleness.p99; }},
    {"staleness max", 0, [](const summary& x) { return x.staleness.max; }},
    {"largest lag", 0,
     [](const summary& x) { return std::optional(static_cast<double>(x.lag_max)); }},
    {"share of waiting", 3, [](const summary& x) { return x.wait_share; }},
    {"megabytes pushed", 1,
     [](const summary& x) { return std::optional(static_cast<double>(x.bytes.pushed) / 1e6); }},
};

std::string number(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : std::string("-");
}

} // namespace

result<measured_run> read_measured(const fs::path& folder, const catalog& rows) {
  BOOST_OUTCOME_TRY(check_run_folder(folder));
  const auto job_path = folder / "job.toml";
  BOOST_OUTCOME_TRY(job_text, read_run_file(job_path));
  BOOST_OUTCOME_TRY(what, parse_job(job_text, job_path.string(), {}, rows));
  const auto summary_path = folder / "summary.json", workers_path = folder / "workers.json";
  BOOST_OUTCOME_TRY(summary_text, read_run_file(summary_path));
  BOOST_OUTCOME_TRY(figures_found, parse_summary(summary_text, summary_path.string()));
  BOOST_OUTCOME_TRY(workers_text, read_run_file(workers_path));
  BOOST_OUTCOME_TRY(workers, parse_worker_shares(workers_text, workers_path.string()));
  if (std::ranges::none_of(workers, [](const auto& x) { return step_mean(x) > 0; }))
    return failure(errc::bad_file,
                   workers_path.string() + ": no worker took a step, expected a run that trained");
  return measured_run{folder, std::move(what), std::move(figures_found), std::move(workers)};
}

std::string prediction_text(const measured_run& from, const summary& predicted) {
  auto text = fmt::format("{:<18} {:>12} {:>12}\n", "", "measured", "simulated");
  text += fmt::format("{:<18} {:>12} {:>12}\n", "policy", from.figures.policy, predicted.policy);
  for (const auto& row : figures)
    text +=
        fmt::format("{:<18} {:>12} {:>12}\n", row.name, number(row.of(from.figures), row.digits),
                    number(row.of(predicted), row.digits));
  return text;
}

std::string prediction_json(const measured_run& from, const summary& predicted,
                            std::chrono::microseconds step_cost) {
  const nlohmann::ordered_json made{
      {"type", "prediction"},
      {"from", from.folder.string()},
      {"step_cost_us", step_cost.count()},
      {"measured", nlohmann::ordered_json::parse(to_json(from.figures))},
      {"simulated", nlohmann::ordered_json::parse(to_json(predicted))}};
  return made.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace lagrange::apps
