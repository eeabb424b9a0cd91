/// \file
/// The figures of a run that a comparison shows, a row each: how to get them from a summary, and
/// how to write them.
#pragma once

#include "runtime/summary.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lagrange::apps {

struct figure {
  std::string_view name;  ///< for programs, as in the summary
  std::string_view title; ///< of its column
  std::optional<double> (*value)(const runtime::summary&);
  std::string (*write)(double);
  bool has_spread = true; ///< whether a median over runs says something
};

/// In the order of columns.
std::span<const figure> figures();

} // namespace lagrange::apps
