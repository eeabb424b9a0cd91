/// \file
/// The verb `list`: what the catalog's tables hold and which devices this machine has.
#pragma once

#include "runtime/catalog.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange {

struct list_row {
  std::string name;
  std::string arguments; ///< as the user writes them; empty: none
  std::string help;
};

/// One table that can be listed.
struct list_table {
  std::string_view name;
  std::string_view help;
  std::vector<list_row> (*rows)(const runtime::catalog&);
};

/// models, policies, optimizers, codecs, data, devices.
std::span<const list_table> list_tables();

/// The rows in aligned columns under a heading; the arguments' column is left out if it is empty.
std::string list_text(std::span<const list_row> rows);

/// The rows as one JSON object a line.
std::string list_json(std::span<const list_row> rows);

} // namespace lagrange
