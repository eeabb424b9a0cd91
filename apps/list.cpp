#include "apps/list.hpp"

#include "ops/devices.hpp"
#include "ops/layer_table.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace lagrange {
namespace {

using runtime::catalog;

/// A model's arguments are its settings: keys of [model].
list_row to_row(const ops::model_row& row) {
  std::string settings;
  for (const auto& each : row.settings)
    settings += (settings.empty() ? "" : ", ") + std::string(each.name);
  return {std::string(row.name), std::move(settings), std::string(row.help)};
}
template <class Row>
list_row to_row(const Row& row) {
  std::string arguments;
  if constexpr (requires { row.arguments; }) arguments = row.arguments;
  return {std::string(row.name), std::move(arguments), std::string(row.help)};
}

template <auto Table>
std::vector<list_row> rows_of(const catalog& all) {
  std::vector<list_row> rows;
  for (const auto& row : all.*Table) rows.push_back(to_row(row));
  return rows;
}

/// What a list of layers may name.
std::vector<list_row> layer_rows(const catalog&) {
  std::vector<list_row> rows;
  for (const auto& row : ops::layer_table()) rows.push_back(to_row(row));
  return rows;
}

/// What this machine has; where there is no CUDA device, a row says why.
std::vector<list_row> device_rows(const catalog& all) {
  const auto found = ops::list_devices(all.cuda_module);
  std::vector<list_row> rows;
  for (const auto& entry : found.devices)
    rows.push_back({ops::to_string(entry.where), {}, entry.description});
  if (!found.cuda_absence.empty()) rows.push_back({"no cuda", {}, found.cuda_absence});
  return rows;
}

constexpr list_table tables[] = {
    {"models", "networks, for model.name", rows_of<&catalog::models>},
    {"layers", "what model.layers is made of", layer_rows},
    {"policies", "who may go on, for staleness.policy", rows_of<&catalog::policies>},
    {"weights", "how much a late gradient counts, for staleness.weight",
     rows_of<&catalog::weights>},
    {"compensations", "what is done to a late gradient, for staleness.compensation",
     rows_of<&catalog::compensations>},
    {"outers", "what becomes of deltas after local steps, for staleness.outer",
     rows_of<&catalog::outers>},
    {"optimizers", "what a shard does with a gradient, for optimizer.name",
     rows_of<&catalog::optimizers>},
    {"schedules", "how the rate changes, for optimizer.schedule", rows_of<&catalog::schedules>},
    {"codecs", "how numbers travel, for codec.push and codec.pull", rows_of<&catalog::codecs>},
    {"data", "formats of data sets, for data.format", rows_of<&catalog::data>},
    {"devices", "what this machine has to compute on", device_rows},
};

} // namespace

std::span<const list_table> list_tables() { return tables; }

std::string list_text(std::span<const list_row> rows) {
  std::size_t name_width = 4, arguments_width = 0;
  for (const auto& row : rows) {
    name_width = std::max(name_width, row.name.size());
    arguments_width = std::max(arguments_width, row.arguments.size());
  }
  if (arguments_width > 0) arguments_width = std::max(arguments_width, std::size_t(9)) + 2;
  std::string text;
  const auto line = [&](std::string_view name, std::string_view arguments, std::string_view help) {
    text += fmt::format("{:<{}}  {:<{}}{}\n", name, name_width, arguments, arguments_width, help);
  };
  line("NAME", arguments_width > 0 ? "ARGUMENTS" : "", "HELP");
  for (const auto& row : rows) line(row.name, row.arguments, row.help);
  return text;
}

std::string list_json(std::span<const list_row> rows) {
  std::string text;
  for (const auto& row : rows) {
    const nlohmann::ordered_json line{
        {"name", row.name}, {"arguments", row.arguments}, {"help", row.help}};
    text += line.dump() + "\n";
  }
  return text;
}

} // namespace lagrange
