#include "apps/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::apps {

namespace {

constexpr std::size_t gap = 2;

std::vector<std::size_t> widths_of(const comparison& x) {
  std::vector<std::size_t> widths;
  for (const auto& title : x.titles) widths.push_back(title.size());
  for (const auto& row : x.rows)
    for (std::size_t i = 0; i < widths.size(); ++i)
      widths[i] = std::max(widths[i], row.cells[i].size());
  return widths;
}

/// Columns in blocks that fit, each to be led by the names.
std::vector<std::vector<std::size_t>>
blocks_of(const comparison& x, const std::vector<std::size_t>& widths, std::size_t columns) {
  std::size_t names = 0;
  for (std::size_t i = 0; i < x.names; ++i) names += widths[i] + gap;
  std::vector<std::vector<std::size_t>> blocks(1);
  std::size_t width = names;
  for (auto i = x.names; i < widths.size(); ++i) {
    if (columns > 0 && !blocks.back().empty() && width + widths[i] > columns) {
      blocks.emplace_back();
      width = names;
    }
    blocks.back().push_back(i);
    width += widths[i] + gap;
  }
  return blocks;
}

/// Names begin alike, numbers end alike.
std::string line_of(const std::vector<std::string>& cells, const std::vector<std::size_t>& which,
                    const std::vector<std::size_t>& widths, std::size_t names) {
  std::string line;
  for (const auto i : which) {
    const bool is_text = i < names;
    line += is_text ? fmt::format("{:<{}}", cells[i], widths[i] + gap)
                    : fmt::format("{:>{}}{:{}}", cells[i], widths[i], "", gap);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

} // namespace

std::string to_text(const comparison& x, std::size_t columns) {
  const auto widths = widths_of(x);
  std::string text;
  for (const auto& block : blocks_of(x, widths, columns)) {
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < x.names; ++i) which.push_back(i);
    which.insert(which.end(), block.begin(), block.end());
    text += line_of(x.titles, which, widths, x.names);
    for (const auto& row : x.rows) text += line_of(row.cells, which, widths, x.names);
    text += "\n";
  }
  for (const auto& note : x.footnotes) text += note + "\n";
  return text;
}

} // namespace lagrange::apps
