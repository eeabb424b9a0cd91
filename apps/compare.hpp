/// \file
/// The verb `compare`: what the command line asks for, and the function that does it.
#pragma once

#include "runtime/catalog.hpp"

#include <string>
#include <vector>

namespace lagrange {

struct compare_order {
  std::vector<std::string> runs; ///< their folders
  std::string page;              ///< also write an HTML page to this file; empty: none
  bool is_json = false;
  const runtime::catalog* catalog = nullptr;
  /// The file of Chart.js, which the build has found; empty: it has not.
  std::string chart_library = LAGRANGE_CHART_JS;
};

/// Shows runs side by side. Returns the exit status: 0, or 2 when something was refused.
int compare_runs(const compare_order& order);

} // namespace lagrange
