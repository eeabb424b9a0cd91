/// \file
/// What a person sees while a job runs: on a terminal a table redrawn in place with events
/// scrolling above it, elsewhere a line now and then; for programs one JSON object a line.
///
/// The table is cut to the terminal's size, which is asked for at every redraw. The first loss and
/// a new test accuracy are told at once.
#pragma once

#include "apps/run.hpp"
#include "runtime/status.hpp"
#include "runtime/summary.hpp"

#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace lagrange {

enum class palette : std::uint8_t { plain, ansi };

/// Units: character cells.
struct terminal_size {
  int columns = 80;
  int rows = 24;
};

/// The job as lines of at most `columns` cells, each ended by a line break. Where not all columns
/// of the table fit, the least telling ones are left out.
std::string render_table(const runtime::job_status& status, int columns,
                         palette colours = palette::plain);

/// The job as one line, without a line break.
std::string render_line(const runtime::job_status& status);

/// The job as one JSON object on one line, without a line break. Numbers that are not known are
/// null.
std::string render_json(const runtime::job_status& status);

/// What a view draws on.
struct screen {
  std::ostream& people;  ///< stderr
  std::ostream& records; ///< stdout: what --json prints
  bool is_terminal = false;
  palette colours = palette::plain;
  std::function<terminal_size()> size = [] { return terminal_size(); };
};

/// stderr and stdout of this process. Colours unless NO_COLOR is set or TERM is dumb.
screen standard_screen();

/// Used by one thread at a time.
class live_view {
public:
  /// Live output becomes plain output where the screen is no terminal.
  live_view(output_mode mode, screen where);
  /// Leaves the last table standing and the cursor below it.
  ~live_view();
  live_view(const live_view&) = delete;
  live_view& operator=(const live_view&) = delete;

  /// As often as a new status is there.
  void show(const runtime::job_status& status);
  /// One thing that happened, as in "worker-2 was killed (signal 9), starting incarnation 2".
  void event(std::string_view text,
             std::chrono::system_clock::time_point when = std::chrono::system_clock::now());
  /// The same with a time of another clock.
  void event_at(std::string_view time, std::string_view text);
  /// What went wrong, in every mode: "lagrange: TEXT" on stderr, a line for each of its lines.
  void error(std::string_view text);
  /// The end of the job. `folder` is the run's.
  void finish(const runtime::summary& end, const std::string& folder);

private:
  void draw(const runtime::job_status& status);
  void say(std::string_view lines);
  bool is_due(const runtime::job_status& status) const;

  output_mode mode_;
  screen screen_;
  std::string drawn_; ///< the table on the terminal, without colours; empty: none
  std::string table_; ///< the same as it was printed
  bool has_told_ = false;
  std::chrono::milliseconds told_{0}; ///< elapsed time of the last plain line
  double told_loss_ = -1;
  double told_accuracy_ = -1;
};

} // namespace lagrange
