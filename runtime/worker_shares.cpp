#include "runtime/worker_shares.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace lagrange::runtime {

namespace {
using seconds = std::chrono::duration<double>;

/// A century; what is longer is no time that was measured.
constexpr double seconds_max = 3e9;

std::chrono::nanoseconds time_of(const nlohmann::json& value) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(seconds(value.get<double>()));
}

/// Requires: a line that has every field.
worker_share share_of(const nlohmann::json& line) {
  worker_share made{worker_id{line["worker"].get<std::uint32_t>()},
                    line["steps"].get<std::uint64_t>(),
                    line["samples"].get<std::uint64_t>(),
                    line["restarts"].get<std::uint64_t>(),
                    time_of(line["compute_seconds"]),
                    0,
                    time_of(line["wait_seconds"])};
  const auto mean = step_mean(made), deviation = line["step_deviation_seconds"].get<double>();
  made.compute_squares = static_cast<double>(made.steps) * (mean * mean + deviation * deviation);
  return made;
}

} // namespace

double step_mean(const worker_share& x) {
  return x.steps > 0 ? seconds(x.compute).count() / static_cast<double>(x.steps) : 0;
}

double step_deviation(const worker_share& x) {
  if (x.steps == 0) return 0;
  const auto mean = step_mean(x);
  return std::sqrt(std::max(0.0, x.compute_squares / static_cast<double>(x.steps) - mean * mean));
}

std::string to_json(std::span<const worker_share> workers) {
  std::string text = "[";
  for (const auto& each : workers) {
    const auto all = each.compute + each.waiting;
    nlohmann::ordered_json line{{"worker", each.worker.value},
                                {"steps", each.steps},
                                {"samples", each.samples},
                                {"restarts", each.restarts},
                                {"compute_seconds", seconds(each.compute).count()},
                                {"step_mean_seconds", step_mean(each)},
                                {"step_deviation_seconds", step_deviation(each)},
                                {"wait_seconds", seconds(each.waiting).count()},
                                {"wait_share", nullptr}};
    if (all.count() > 0) line["wait_share"] = seconds(each.waiting) / seconds(all);
    text += (&each == workers.data() ? "\n" : ",\n") + line.dump();
  }
  return text + "\n]\n";
}

result<std::vector<worker_share>> parse_worker_shares(std::string_view text,
                                                      const std::string& origin) {
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  const auto refuse = [&](const std::string& what) {
    return failure(errc::bad_file, origin + ": " + what +
                                       ", expected the workers of a run, as lagrange writes them");
  };
  if (!parsed.is_array() || parsed.empty()) return refuse("no JSON array");
  std::vector<worker_share> made;
  for (const auto& line : parsed) {
    if (!line.is_object()) return refuse("no array of objects");
    for (const auto* name : {"worker", "steps", "samples", "restarts"})
      if (const auto at = line.find(name); at == line.end() || !at->is_number_unsigned())
        return refuse(std::string(name) + " is no count");
    for (const auto* name : {"compute_seconds", "step_deviation_seconds", "wait_seconds"})
      if (const auto at = line.find(name); at == line.end() || !at->is_number() ||
                                           !(at->get<double>() >= 0) ||
                                           at->get<double>() > seconds_max)
        return refuse(std::string(name) + " is no time");
    made.push_back(share_of(line));
  }
  return made;
}

} // namespace lagrange::runtime
