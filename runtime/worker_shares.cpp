#include "runtime/worker_shares.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <ratio>

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
                    {},
                    time_of(line["wait_seconds"])};
  auto& counts = made.step_times.counts;
  for (const auto& pair : line["step_times"]) {
    counts.resize(pair[0].get<std::size_t>() + 1);
    counts.back() = pair[1].get<std::uint32_t>();
  }
  return made;
}

/// Pairs of a bin and its count, by bin.
nlohmann::ordered_json pairs_of(const time_histogram& x) {
  auto made = nlohmann::ordered_json::array();
  for (std::size_t bin = 0; bin < x.counts.size(); ++bin)
    if (x.counts[bin] > 0) made.push_back({bin, x.counts[bin]});
  return made;
}

bool are_pairs(const nlohmann::json& x) {
  if (!x.is_array()) return false;
  std::int64_t last = -1;
  return std::ranges::all_of(x, [&last](const auto& pair) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() ||
        !pair[1].is_number_unsigned())
      return false;
    const auto bin = pair[0].template get<std::uint64_t>();
    if (bin >= time_histogram::bins_max || static_cast<std::int64_t>(bin) <= last) return false;
    last = static_cast<std::int64_t>(bin);
    return pair[1].template get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
  });
}

} // namespace

double step_mean(const worker_share& x) {
  return x.steps > 0 ? seconds(x.compute).count() / static_cast<double>(x.steps) : 0;
}

double step_deviation(const worker_share& x) { return x.step_times.deviation() / std::nano::den; }

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
                                {"wait_share", nullptr},
                                {"step_times", pairs_of(each.step_times)}};
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
    for (const auto* name : {"compute_seconds", "wait_seconds"})
      if (const auto at = line.find(name); at == line.end() || !at->is_number() ||
                                           !(at->get<double>() >= 0) ||
                                           at->get<double>() > seconds_max)
        return refuse(std::string(name) + " is no time");
    if (const auto at = line.find("step_times"); at == line.end() || !are_pairs(*at))
      return refuse("step_times is no list of [bin, count] in ascending order");
    made.push_back(share_of(line));
    if (made.back().step_times.count() != made.back().steps)
      return refuse("step_times has another number of steps than steps");
  }
  return made;
}

} // namespace lagrange::runtime
