#include "apps/live_view.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace lagrange {
namespace {

using runtime::actor_status;
using runtime::job_status;

constexpr std::string_view bold = "\x1b[1m", dim = "\x1b[2m", reset = "\x1b[0m";

enum class side : std::uint8_t { left, right };

/// One column of the table. When the terminal is narrow, columns with a high `rank` go first.
struct column {
  std::string_view title;
  side align;
  int rank;
  std::size_t width_min; ///< so that columns do not jump while numbers grow
  std::string (*text)(const actor_status&);
};

std::string number(double value, int digits) {
  return value < 0 ? std::string("-") : fmt::format("{:.{}f}", value, digits);
}
std::string number(std::int64_t value) { return value < 0 ? "-" : fmt::format("{}", value); }

constexpr column columns_of_table[] = {
    {"actor", side::left, 0, 8, [](const actor_status& a) { return to_string(a.name); }},
    {"pid", side::right, 2, 7,
     [](const actor_status& a) { return number(a.pid > 0 ? a.pid : -1); }},
    {"state", side::left, 1, 10, [](const actor_status& a) { return a.state; }},
    {"clock", side::right, 3, 5, [](const actor_status& a) { return number(a.clock); }},
    {"lag", side::right, 5, 3, [](const actor_status& a) { return number(a.lag); }},
    {"staleness", side::right, 7, 9, [](const actor_status& a) { return number(a.staleness); }},
    {"samples/s", side::right, 6, 9,
     [](const actor_status& a) { return number(a.samples_per_second, 0); }},
    {"restarts", side::right, 8, 8, [](const actor_status& a) { return number(a.restarts); }},
    {"loss", side::right, 4, 6, [](const actor_status& a) { return number(a.loss, 4); }},
};
constexpr std::size_t state_column = 2;

struct state_colour {
  std::string_view state, code;
};
constexpr state_colour state_colours[] = {
    {"starting", "\x1b[36m"},   {"running", "\x1b[32m"}, {"idle", "\x1b[2m"},
    {"restarting", "\x1b[33m"}, {"lost", "\x1b[31m"},    {"done", "\x1b[2m"},
};

std::string_view colour_of(std::string_view state) {
  for (const auto& row : state_colours)
    if (row.state == state) return row.code;
  return {};
}

std::string clipped(std::string text, std::size_t cells) {
  if (text.size() > cells) text.resize(cells);
  return text;
}

/// "12.3 s" or "2 min 05 s".
std::string elapsed_text(std::chrono::milliseconds elapsed) {
  const auto seconds = elapsed.count() / 1000;
  if (seconds < 60) return fmt::format("{:.1f} s", static_cast<double>(elapsed.count()) / 1000);
  return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
}

double share_done(const job_status& status) {
  if (status.leases == 0) return 0;
  const auto share = static_cast<double>(status.leases_closed) / static_cast<double>(status.leases);
  return std::min(1.0, share);
}

std::string bar(double share, std::size_t cells) {
  const auto full = static_cast<std::size_t>(share * static_cast<double>(cells));
  const auto done = std::string(full, '=') + (full < cells ? ">" : "");
  return fmt::format("[{:<{}}]", done, cells);
}

/// The epoch in work, from 1; the last one when all are finished.
std::uint32_t epoch_in_work(const job_status& status) {
  return std::min(status.epoch + 1, status.epochs);
}

std::vector<std::string> header_lines(const job_status& status, std::size_t cells) {
  const auto percent = static_cast<int>(share_done(status) * 100);
  auto first = fmt::format("{}  {}  {}epoch {}/{}  ", status.job, status.policy,
                           status.injected.empty() ? "" : "emulated  ", epoch_in_work(status),
                           status.epochs);
  const auto last = fmt::format(" {:3} %  {}", percent, elapsed_text(status.elapsed));
  constexpr std::size_t bar_min = 10, bar_max = 40;
  const auto taken = first.size() + last.size() + 2;
  std::vector<std::string> lines;
  if (taken + bar_min <= cells) {
    lines.push_back(first + bar(share_done(status), std::min(bar_max, cells - taken)) + last);
  } else {
    lines.push_back(std::move(first));
    const auto room = cells > last.size() + 2 ? cells - last.size() - 2 : 0;
    lines.push_back(bar(share_done(status), std::min(bar_max, room)) + last);
  }
  std::string second;
  for (const auto& part : {fmt::format("loss {}", number(status.loss, 4)),
                           fmt::format("test accuracy {}", number(status.test_accuracy, 4)),
                           fmt::format("{:.0f} samples/s", status.samples_per_second)}) {
    const std::string_view gap = second.empty() ? "" : "  ";
    if (second.size() + gap.size() + part.size() <= cells) second += fmt::format("{}{}", gap, part);
  }
  lines.push_back(std::move(second));
  if (!status.injected.empty()) lines.push_back("times are injected: " + status.injected);
  return lines;
}

/// Which columns are shown, how wide they are, and how far apart.
struct layout {
  std::array<std::size_t, std::size(columns_of_table)> widths{};
  std::size_t gap = 2;
  int rank_max = 0;
};

std::size_t total_width(const layout& plan) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < std::size(columns_of_table); ++i)
    if (columns_of_table[i].rank <= plan.rank_max) width += plan.widths[i] + plan.gap;
  return width - plan.gap;
}

layout plan_columns(const job_status& status, std::size_t cells) {
  layout plan;
  for (std::size_t i = 0; i < std::size(columns_of_table); ++i) {
    const auto& column = columns_of_table[i];
    plan.widths[i] = std::max(column.width_min, column.title.size());
    for (const auto& actor : status.actors)
      plan.widths[i] = std::max(plan.widths[i], column.text(actor).size());
    plan.rank_max = std::max(plan.rank_max, column.rank);
  }
  if (total_width(plan) > cells) plan.gap = 1;
  while (plan.rank_max > 0 && total_width(plan) > cells) --plan.rank_max;
  return plan;
}

/// One line of the table: `cell` gives the text of a column, `code` its colour.
template <class Cell, class Code>
std::string table_line(const layout& plan, const Cell& cell, const Code& code) {
  std::string line;
  for (std::size_t i = 0; i < std::size(columns_of_table); ++i) {
    const auto& column = columns_of_table[i];
    if (column.rank > plan.rank_max) continue;
    if (!line.empty()) line.append(plan.gap, ' ');
    const auto text = column.align == side::left
                          ? fmt::format("{:<{}}", cell(column), plan.widths[i])
                          : fmt::format("{:>{}}", cell(column), plan.widths[i]);
    const auto colour = code(i);
    line += colour.empty() ? text : fmt::format("{}{}{}", colour, text, reset);
  }
  return line;
}

} // namespace

std::string render_table(const job_status& status, int columns, palette colours) {
  const auto cells = static_cast<std::size_t>(std::max(columns, 1));
  const bool has_colour = colours == palette::ansi;
  const auto painted = [&](std::string_view code, const std::string& text) {
    return has_colour ? fmt::format("{}{}{}\n", code, text, reset) : text + "\n";
  };
  std::string out;
  for (const auto& line : header_lines(status, cells)) out += painted(bold, clipped(line, cells));
  const auto plan = plan_columns(status, cells);
  const auto titles = table_line(
      plan, [](const column& c) { return std::string(c.title); },
      [](std::size_t) { return std::string_view(); });
  out += painted(dim, clipped(titles, cells));
  for (const auto& actor : status.actors) {
    // Only a table that fits has colours: cutting through a colour code would leave it switched on.
    const bool fits = total_width(plan) <= cells;
    const auto line = table_line(
        plan, [&](const column& c) { return c.text(actor); },
        [&](std::size_t i) {
          return has_colour && fits && i == state_column ? colour_of(actor.state)
                                                         : std::string_view();
        });
    out += (fits ? line : clipped(line, cells)) + "\n";
  }
  return out;
}

std::string render_line(const job_status& status) {
  std::uint64_t restarts = 0;
  for (const auto& actor : status.actors) restarts += actor.restarts;
  auto line =
      fmt::format("{}  epoch {}/{}  {:.0f} %  {:.0f} samples/s  loss {}",
                  elapsed_text(status.elapsed), epoch_in_work(status), status.epochs,
                  share_done(status) * 100, status.samples_per_second, number(status.loss, 4));
  if (status.test_accuracy >= 0)
    line += fmt::format("  test accuracy {:.4f}", status.test_accuracy);
  if (!status.injected.empty()) line += "  emulated";
  if (restarts > 0) line += fmt::format("  restarts {}", restarts);
  return line;
}

std::string render_json(const job_status& status) {
  using json = nlohmann::ordered_json;
  const auto known = [](auto value) { return value < 0 ? json(nullptr) : json(value); };
  auto actors = json::array();
  for (const auto& actor : status.actors)
    actors.push_back({{"name", to_string(actor.name)},
                      {"incarnation", actor.life.value},
                      {"pid", actor.pid},
                      {"state", actor.state},
                      {"clock", known(actor.clock)},
                      {"lag", known(actor.lag)},
                      {"staleness", known(actor.staleness)},
                      {"samples_per_second", known(actor.samples_per_second)},
                      {"restarts", actor.restarts},
                      {"loss", known(actor.loss)}});
  const json out{{"type", "status"},
                 {"job", status.job},
                 {"policy", status.policy},
                 {"elapsed_seconds", static_cast<double>(status.elapsed.count()) / 1000},
                 {"epoch", status.epoch},
                 {"epochs", status.epochs},
                 {"leases", status.leases},
                 {"leases_closed", status.leases_closed},
                 {"samples_per_second", status.samples_per_second},
                 {"loss", known(status.loss)},
                 {"test_accuracy", known(status.test_accuracy)},
                 {"test_loss", known(status.test_loss)},
                 {"samples", status.samples},
                 {"emulated", !status.injected.empty()},
                 {"injected", status.injected},
                 {"actors", actors}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace lagrange
