#include "apps/comparison.hpp"

#include "apps/page/comparison.hpp"
#include "ops/contract.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace lagrange::apps {

namespace {

using json = nlohmann::ordered_json;

/// Points of a curve beyond this are not seen.
constexpr std::size_t points_max = 400;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

/// JSON inside a script: no tag can end it, because there is no '<'.
std::string script_text(const json& x) {
  std::string out;
  for (const char c : x.dump(-1, ' ', false, json::error_handler_t::replace))
    out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return out;
}

std::string row_class(comparison::row_kind kind) {
  if (kind == comparison::row_kind::run) return "<tr>";
  return kind == comparison::row_kind::median ? "<tr class=\"median\">" : "<tr class=\"range\">";
}

std::string cell(std::string_view tag, std::string_view text, bool is_name) {
  const auto* kind = text.starts_with("emulated") ? " class=\"name emulated\""
                     : is_name                    ? " class=\"name\""
                                                  : "";
  return fmt::format("<{0}{1}>{2}</{0}>", tag, kind, escaped(text));
}

std::string table_of(const comparison& x) {
  std::string out = "<table>\n<thead><tr>";
  for (std::size_t i = 0; i < x.titles.size(); ++i) out += cell("th", x.titles[i], i < x.names);
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : x.rows) {
    out += row_class(row.kind);
    for (std::size_t i = 0; i < row.cells.size(); ++i) out += cell("td", row.cells[i], i < x.names);
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>";
}

std::string notes_of(const comparison& x) {
  std::string out = "<ul>\n";
  for (const auto& note : x.footnotes) out += fmt::format("<li>{}</li>\n", escaped(note));
  return out + "</ul>";
}

json known(std::optional<double> x) { return x ? json(*x) : json(nullptr); }

/// One point for each evaluation: the status repeats the last one.
json tests_of(const compared_run& run) {
  json points = json::array();
  std::optional<double> accuracy, loss;
  for (const auto& moment : run.moments) {
    if (!moment.test_accuracy || (moment.test_accuracy == accuracy && moment.test_loss == loss))
      continue;
    accuracy = moment.test_accuracy;
    loss = moment.test_loss;
    points.push_back({{"seconds", moment.seconds},
                      {"samples", known(moment.samples)},
                      {"accuracy", *accuracy},
                      {"loss", known(loss)}});
  }
  return points;
}

json moments_of(const compared_run& run) {
  json points = json::array();
  const auto stride = run.moments.size() / points_max + 1;
  for (std::size_t i = 0; i < run.moments.size(); i += stride)
    points.push_back({{"seconds", run.moments[i].seconds},
                      {"staleness", known(run.moments[i].staleness)},
                      {"throughput", known(run.moments[i].samples_per_second)}});
  return points;
}

json data_of(const std::vector<compared_run>& runs) {
  json data = json::array();
  for (std::size_t i = 0; i < runs.size(); ++i)
    data.push_back(
        {{"label", fmt::format("{}: {}, seed {}{}", i + 1, runs[i].end.policy, runs[i].end.seed,
                               runs[i].end.emulated ? " (emulated)" : "")},
         {"tests", tests_of(runs[i])},
         {"moments", moments_of(runs[i])}});
  return data;
}

/// The page with what its placeholders stand for; what is put in is not looked at again.
std::string filled(std::string_view page, const std::map<std::string_view, std::string>& values) {
  std::string out;
  while (!page.empty()) {
    const auto begin = std::min(page.find("{{"), page.size());
    out += page.substr(0, begin);
    page.remove_prefix(begin);
    if (page.empty()) break;
    const auto end = page.find("}}");
    const auto value = values.find(page.substr(2, end - 2));
    LAGRANGE_EXPECT(end != page.npos && value != values.end(),
                    "a placeholder that stands for nothing");
    out += value->second;
    page.remove_prefix(end + 2);
  }
  return out;
}

} // namespace

std::string to_page(const std::vector<compared_run>& runs, std::string_view chart_library) {
  const auto table = compare(runs);
  return filled(comparison_page(),
                {{"title", escaped(fmt::format("{}: {} run{} compared", runs[0].end.job,
                                               runs.size(), runs.size() == 1 ? "" : "s"))},
                 {"table", table_of(table)},
                 {"notes", notes_of(table)},
                 {"data", script_text(data_of(runs))},
                 {"library", std::string(chart_library)}});
}

} // namespace lagrange::apps
