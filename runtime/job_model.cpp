#include "runtime/job_model.hpp"

#include "ops/layer_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace lagrange::runtime {

namespace {

constexpr std::string_view table = "model.";

ops::layer_settings::list read_layers(const toml::array& from, const std::string& where);

ops::layer_settings::value read_setting(const toml::node& from, const std::string& where) {
  if (const auto* is = from.as_boolean()) return is->get();
  if (const auto* is = from.as_integer()) return is->get();
  if (const auto* is = from.as_floating_point()) return is->get();
  if (const auto* is = from.as_string()) return is->get();
  if (const auto* is = from.as_array()) return read_layers(*is, where);
  throw std::invalid_argument(where +
                              ": expected a number, a text, true, false or a list of layers");
}

ops::layer_settings::list read_layers(const toml::array& from, const std::string& where) {
  ops::layer_settings::list made;
  for (const auto& each : from) {
    const auto here = fmt::format("{}[{}]", where, made.size());
    const auto* layer = each.as_table();
    if (layer == nullptr)
      throw std::invalid_argument(here +
                                  R"(: expected a layer as in {type = "linear", outputs = 10})");
    auto& settings = made.emplace_back();
    for (const auto& [name, value] : *layer) {
      std::string key(name.str());
      auto read = read_setting(value, here + "." + key);
      settings.values.emplace_back(std::move(key), std::move(read));
    }
  }
  return made;
}

std::string to_text(const toml::array& from) {
  std::ostringstream text;
  text << toml::toml_formatter(from, toml::format_flags::quote_dates_and_times);
  auto made = text.str();
  std::ranges::replace(made, '\n', ' ');
  return made;
}

ops::layer_settings::list layers_of(const job& x) {
  const auto parsed = toml::parse("layers = " + x.model.layers);
  return read_layers(*parsed.get("layers")->as_array(), "layers");
}

} // namespace

bool is_model_key(std::string_view key, const toml::node& value) {
  return key.starts_with(table) && key.size() > table.size() &&
         (value.is_number() || (key == "model.layers" && value.is_array()));
}

std::string read_model_key(std::string_view key, const toml::node& value, job& out) {
  const std::string name(key.substr(table.size()));
  if (const auto* list = value.as_array()) {
    try {
      ops::make_layers(read_layers(*list, "layers"));
    } catch (const std::invalid_argument& wrong) {
      return fmt::format("{}: {}", key, wrong.what());
    }
    out.model.layers = to_text(*list);
    return {};
  }
  if (const auto* whole = value.as_integer())
    out.model.settings.set(name, static_cast<double>(whole->get()));
  else
    out.model.settings.set(name, value.as_floating_point()->get());
  return {};
}

std::string write_model_keys(const job& x) {
  std::string lines;
  for (const auto& [name, value] : x.model.settings.all())
    lines += fmt::format("{} = {}\n", name, value);
  if (!x.model.layers.empty()) lines += fmt::format("layers = {}\n", x.model.layers);
  return lines;
}

std::unique_ptr<ops::network> make_model(const job& x, const catalog& rows,
                                         const ops::model_input& input) {
  if (x.model.layers.empty()) {
    const auto* row = find_row(rows.models, x.model.name);
    LAGRANGE_EXPECT(row != nullptr, "no model " + x.model.name);
    return row->make(input, x.model.settings);
  }
  return ops::make_network(layers_of(x), input);
}

} // namespace lagrange::runtime
