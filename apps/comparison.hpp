/// \file
/// Runs side by side: the one table that the terminal and the page show, and what each makes of it.
#pragma once

#include "apps/compared_run.hpp"

namespace lagrange::apps {

/// Cells as a person reads them.
struct comparison {
  enum class row_kind : std::uint8_t { run = 0, median, range };
  struct row {
    row_kind kind = row_kind::run;
    std::vector<std::string> cells; ///< by title
  };
  std::vector<std::string> titles;
  std::size_t names = 0; ///< titles at the start that say which run it is
  std::vector<row> rows; ///< with the runs of a group together, then its median and range
  std::vector<std::string> footnotes; ///< folders, differences, what was injected
};

/// Requires: at least one run.
comparison compare(const std::vector<compared_run>& runs);

/// Lines of at most `columns` cells where columns of the table can be put below one another;
/// 0: never.
std::string to_text(const comparison& x, std::size_t columns);

/// One JSON object a line: type "run" with the summary and the group of each, and type "group" with
/// medians and ranges.
std::string to_json(const std::vector<compared_run>& runs);

/// The page: the table, and curves drawn by `chart_library`, the text of Chart.js. It needs no
/// other file. Whatever comes from the runs is escaped.
std::string to_page(const std::vector<compared_run>& runs, std::string_view chart_library);

} // namespace lagrange::apps
