#include "apps/comparison.hpp"

#include "apps/comparison_figures.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace lagrange::apps {

namespace {

using runtime::summary;

bool has_several_jobs(const std::vector<compared_run>& runs) {
  return std::ranges::any_of(runs, [&](const auto& x) { return x.end.job != runs[0].end.job; });
}

/// What a reader must know before the figures.
std::string remarks_of(const compared_run& run) {
  std::string text = run.end.emulated ? "emulated" : "measured";
  if (run.end.outcome != "done") text += ", " + run.end.outcome;
  return text;
}

/// Of one figure over the runs of a group.
struct spread {
  std::vector<double> known; ///< sorted
  std::size_t runs = 0;

  double median() const {
    const auto half = known.size() / 2;
    return known.size() % 2 == 1 ? known[half] : (known[half - 1] + known[half]) / 2;
  }
  std::string counted(const std::string& text) const {
    return known.size() == runs ? text : fmt::format("{} ({} of {})", text, known.size(), runs);
  }
};

using group_of_runs = std::vector<const compared_run*>;

std::vector<group_of_runs> groups_of(const std::vector<compared_run>& runs) {
  std::vector<group_of_runs> groups;
  for (const auto& run : runs) {
    groups.resize(std::max(groups.size(), run.group + 1));
    groups[run.group].push_back(&run);
  }
  return groups;
}

spread spread_of(const figure& what, const group_of_runs& group) {
  spread made;
  made.runs = group.size();
  for (const auto* run : group)
    if (const auto value = what.value(run->end)) made.known.push_back(*value);
  std::ranges::sort(made.known);
  return made;
}

comparison::row make_row(const compared_run& run, std::size_t number, std::size_t names) {
  comparison::row made;
  made.cells = {std::to_string(number), run.end.policy, remarks_of(run)};
  if (names > 3) made.cells.insert(made.cells.begin() + 1, run.end.job);
  for (const auto& what : figures()) {
    const auto value = what.value(run.end);
    made.cells.push_back(value ? what.write(*value) : "-");
  }
  return made;
}

/// As in "12.5-14.0 s": a unit that both have is written once.
std::string range_of(std::string low, const std::string& high) {
  if (low == high) return low;
  const auto unit_of = [](const std::string& x) {
    return x.substr(std::min(x.find(' '), x.size()));
  };
  if (unit_of(low) == unit_of(high)) low.resize(low.size() - unit_of(low).size());
  return low + "-" + high;
}

comparison::row make_row(const group_of_runs& group, comparison::row_kind kind, std::size_t names) {
  comparison::row made{kind, std::vector<std::string>(names)};
  made.cells[names - 2] =
      kind == comparison::row_kind::median ? fmt::format("median of {}", group.size()) : "range";
  for (const auto& what : figures()) {
    const auto found = spread_of(what, group);
    if (!what.has_spread || found.known.empty())
      made.cells.emplace_back();
    else if (kind == comparison::row_kind::median)
      made.cells.push_back(found.counted(what.write(found.median())));
    else
      made.cells.push_back(
          range_of(what.write(found.known.front()), what.write(found.known.back())));
  }
  return made;
}

std::vector<std::string> footnotes_of(const std::vector<compared_run>& runs) {
  std::vector<std::string> made;
  for (std::size_t i = 0; i < runs.size(); ++i)
    made.push_back(fmt::format("{}: {}{}", i + 1, runs[i].folder.string(),
                               runs[i].injected.empty() ? "" : ", injected: " + runs[i].injected));
  for (const auto& each : key_differences(runs))
    made.push_back(fmt::format("{}  {}", each.key, each.values));
  if (std::ranges::any_of(runs, [](const auto& x) { return x.end.emulated; }))
    made.emplace_back("emulated: times were injected or simulated, and say nothing about this "
                      "machine");
  return made;
}

} // namespace

comparison compare(const std::vector<compared_run>& runs) {
  comparison made;
  made.titles = {"#", "policy", "times"};
  if (has_several_jobs(runs)) made.titles.insert(made.titles.begin() + 1, "job");
  made.names = made.titles.size();
  for (const auto& what : figures()) made.titles.emplace_back(what.title);
  for (const auto& group : groups_of(runs)) {
    for (const auto* run : group)
      made.rows.push_back(
          make_row(*run, static_cast<std::size_t>(run - runs.data()) + 1, made.names));
    if (group.size() < 2) continue;
    for (const auto kind : {comparison::row_kind::median, comparison::row_kind::range})
      made.rows.push_back(make_row(group, kind, made.names));
  }
  made.footnotes = footnotes_of(runs);
  return made;
}

std::string to_json(const std::vector<compared_run>& runs) {
  using json = nlohmann::ordered_json;
  constexpr auto lossy = json::error_handler_t::replace;
  std::string out;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    json line{{"type", "run"},
              {"number", i + 1},
              {"folder", runs[i].folder.string()},
              {"group", runs[i].group + 1},
              {"injected", runs[i].injected}};
    line.update(json::parse(to_json(runs[i].end)));
    out += line.dump(-1, ' ', false, lossy) + "\n";
  }
  const auto groups = groups_of(runs);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    json line{{"type", "group"}, {"group", i + 1}, {"runs", groups[i].size()}};
    for (const auto& what : figures()) {
      const auto found = spread_of(what, groups[i]);
      if (!what.has_spread) continue;
      line[std::string(what.name)] = found.known.empty() ? json(nullptr)
                                                         : json{{"median", found.median()},
                                                                {"low", found.known.front()},
                                                                {"high", found.known.back()},
                                                                {"known", found.known.size()}};
    }
    out += line.dump(-1, ' ', false, lossy) + "\n";
  }
  return out;
}

} // namespace lagrange::apps
