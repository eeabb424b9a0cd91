#include "apps/live_view.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

namespace lagrange {
namespace {

constexpr std::chrono::milliseconds plain_interval{2000};

terminal_size ask_size() {
  winsize found{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &found) != 0 || found.ws_col == 0) return {};
  return {found.ws_col, found.ws_row > 0 ? found.ws_row : 24};
}

template <class Each>
void each_line(std::string_view text, const Each& each) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    each(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// Rows that lines take on a terminal, which may have become narrower since they were drawn.
int rows_taken(std::string_view lines, int columns) {
  int rows = 0;
  each_line(lines, [&](std::string_view line) {
    rows += 1 + std::max(0, static_cast<int>(line.size()) - 1) / columns;
  });
  return rows;
}

/// At most `rows` lines; what is left out is counted in the last one.
std::string cut_rows(const std::string& lines, int rows) {
  const auto total = static_cast<int>(std::count(lines.begin(), lines.end(), '\n'));
  if (total <= rows) return lines;
  std::string out;
  int kept = 0;
  each_line(lines, [&](std::string_view line) {
    if (kept < rows - 1) out += std::string(line) + "\n";
    ++kept;
  });
  return out + fmt::format("... {} more\n", total - std::max(0, rows - 1));
}

/// Moves to the first of the lines that were drawn.
std::string to_first(std::string_view drawn, int columns) {
  return drawn.empty() ? std::string() : fmt::format("\r\x1b[{}A", rows_taken(drawn, columns));
}

/// Lines that overwrite what stands where they go. Clearing first would flicker, and tmux keeps a
/// copy of what is cleared from the top of its window.
std::string overwriting(std::string_view lines, int columns) {
  std::string out;
  each_line(lines, [&](std::string_view line) {
    // Behind a line that fills its row the cursor still stands on its last letter.
    const bool fills_row = !line.empty() && line.size() % static_cast<std::size_t>(columns) == 0;
    out += fmt::format("{}{}\n", line, fills_row ? "" : "\x1b[K");
  });
  return out;
}

std::string time_of_day(std::chrono::system_clock::time_point when) {
  return fmt::format("{:%H:%M:%S}", fmt::localtime(std::chrono::system_clock::to_time_t(when)));
}

} // namespace

screen standard_screen() {
  const char* no_color =
      std::getenv("NO_COLOR"); // https://no-color.org: any value but an empty one
  const std::string_view term = std::getenv("TERM") ? std::getenv("TERM") : "";
  const bool is_terminal = isatty(STDERR_FILENO) == 1 && !term.empty() && term != "dumb";
  const bool has_colour = is_terminal && (!no_color || *no_color == '\0');
  return {std::cerr, std::cout, is_terminal, has_colour ? palette::ansi : palette::plain, ask_size};
}

live_view::live_view(output_mode mode, screen where)
    : mode_(mode == output_mode::live && !where.is_terminal ? output_mode::plain : mode),
      screen_(std::move(where)) {}

live_view::~live_view() { screen_.people.flush(); }

void live_view::show(const runtime::job_status& status) {
  if (mode_ == output_mode::live) {
    draw(status);
  } else if (mode_ == output_mode::json) {
    screen_.records << render_json(status) + "\n" << std::flush;
  } else if (mode_ == output_mode::plain && is_due(status)) {
    screen_.people << render_line(status) + "\n" << std::flush;
    has_told_ = true;
    told_ = status.elapsed;
    told_loss_ = status.loss;
    told_accuracy_ = status.test_accuracy;
  }
}

bool live_view::is_due(const runtime::job_status& status) const {
  const bool has_first_loss = told_loss_ < 0 && status.loss >= 0;
  const bool has_accuracy = status.test_accuracy >= 0 && status.test_accuracy != told_accuracy_;
  return !has_told_ || has_first_loss || has_accuracy || status.elapsed - told_ >= plain_interval;
}

void live_view::draw(const runtime::job_status& status) {
  const auto size = screen_.size();
  const auto rows = std::max(2, size.rows - 1);
  // The last column stays free: some terminals wrap as soon as it is written.
  const auto columns = std::max(1, size.columns - 1);
  const auto start = to_first(drawn_, std::max(1, size.columns));
  drawn_ = cut_rows(render_table(status, columns), rows);
  table_ = cut_rows(render_table(status, columns, screen_.colours), rows);
  // In one piece, so that nobody sees half a table.
  screen_.people << start + overwriting(table_, std::max(1, size.columns)) + "\x1b[J" << std::flush;
}

void live_view::say(std::string_view lines) {
  if (mode_ == output_mode::live && !drawn_.empty()) {
    const auto columns = std::max(1, screen_.size().columns);
    screen_.people << to_first(drawn_, columns) + overwriting(lines, columns) +
                          overwriting(table_, columns) + "\x1b[J";
  } else {
    screen_.people << lines;
  }
  screen_.people << std::flush;
}

void live_view::event(std::string_view text, std::chrono::system_clock::time_point when) {
  event_at(time_of_day(when), text);
}

void live_view::event_at(std::string_view time, std::string_view text) {
  if (mode_ == output_mode::json) {
    const nlohmann::ordered_json line{{"type", "event"}, {"time", time}, {"text", text}};
    screen_.records << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                    << std::flush;
  } else if (mode_ != output_mode::quiet) {
    say(fmt::format("{} {}\n", time, text));
  }
}

void live_view::error(std::string_view text) {
  std::string lines;
  each_line(text, [&](std::string_view line) { lines += fmt::format("lagrange: {}\n", line); });
  say(lines);
}

void live_view::finish(const runtime::summary& end, const std::string& folder) {
  // The last table stays where it is, and what comes now goes below it.
  drawn_.clear();
  table_.clear();
  if (mode_ == output_mode::json) {
    auto line = nlohmann::ordered_json{{"type", "summary"}, {"folder", folder}};
    line.update(nlohmann::ordered_json::parse(runtime::to_json(end)));
    screen_.records << line.dump() + "\n" << std::flush;
  } else if (mode_ != output_mode::quiet) {
    say(runtime::to_text(end, folder));
  }
}

} // namespace lagrange
