// From a list of settings to layers, each of which says where it stands when it does not fit.
#include "ops/layer_table.hpp"
#include "ops/model.hpp"

#include <algorithm>
#include <stdexcept>

namespace lagrange::ops {

namespace {

using settings_list = layer_settings::list;

constexpr std::string_view top = "layers";

/// A layer of a list: what refuses its samples is told with its place.
class placed_layer final : public layer {
public:
  placed_layer(std::string where, std::unique_ptr<layer> inner)
      : where_(std::move(where)), inner_(std::move(inner)) {}

  shape build(parameter_list& into, const shape& sample) override try {
    return inner_->build(into, sample);
  } catch (const std::invalid_argument& unsuitable) {
    const std::string why = unsuitable.what();
    if (why.starts_with(where_ + ".")) throw; // it is of a layer in this one, which said where
    throw std::invalid_argument(where_ + ": " + why);
  }
  variable apply(parameter_values parameters, const variable& x) override {
    return inner_->apply(parameters, x);
  }

private:
  std::string where_;
  std::unique_ptr<layer> inner_;
};

const layer_row& row_of(settings_reader& from, std::string_view type) {
  const auto found = std::ranges::find(layer_table(), type, &layer_row::name);
  if (found != layer_table().end()) return *found;
  std::string known;
  for (const auto& each : layer_table())
    known += (known.empty() ? "" : ", ") + std::string(each.name);
  from.refuse("there is no type \"" + std::string(type) + "\"; there are " + known);
}

std::string place(std::string_view where, std::size_t i) {
  return std::string(where) + "[" + std::to_string(i) + "]";
}

std::unique_ptr<layer> make_one(settings_reader& from, const layer_row& row) {
  auto made = row.make(from);
  from.finish();
  if (row.takes != sample_kind::numbers && from.where() != place(top, 0))
    from.refuse("only the first layer of all can be of type \"" + std::string(row.name) +
                "\", which takes " + std::string(name(row.takes)) +
                ": layers before it make numbers");
  return std::make_unique<placed_layer>(from.where(), std::move(made));
}

// Requires: a list that make_layers_at() takes.
void fit(layer_settings& first, const model_input& input) {
  settings_reader from(first, place(top, 0));
  const auto& row = row_of(from, from.need<std::string>("type"));
  if (row.takes != input.kind)
    from.refuse("a layer of type \"" + std::string(row.name) + "\" takes " +
                std::string(name(row.takes)) + ", and these data are " +
                std::string(name(input.kind)) +
                (input.kind == sample_kind::tokens ? ": put an \"embedding\" before it" : ""));
  if (input.kind != sample_kind::tokens) return;
  const auto symbols = input.fields[0];
  const auto rows = from.find<std::int64_t>(embedding_rows).value_or(0);
  if (rows != 0 && rows < symbols)
    from.refuse("an embedding of " + std::to_string(rows) + " rows for tokens of " +
                std::to_string(symbols) + " kinds: expected at least as many rows, or no \"" +
                std::string(embedding_rows) + "\"");
  if (rows != 0) return;
  std::erase_if(first.values, [](const auto& each) { return each.first == embedding_rows; });
  first.values.emplace_back(embedding_rows, symbols);
}

} // namespace

std::unique_ptr<layer> make_layers_at(const std::string& where,
                                      std::span<const layer_settings> list) {
  if (list.empty()) throw std::invalid_argument(where + ": there must be at least one layer");
  auto made = std::make_unique<sequential>();
  std::vector<std::string> names, types;
  for (std::size_t i = 0; i < list.size(); ++i) {
    settings_reader from(list[i], place(where, i));
    const auto type = types.emplace_back(from.need<std::string>("type"));
    const auto number = std::to_string(std::ranges::count(types, type));
    const auto name = from.find<std::string>("name").value_or(type + number);
    auto next = make_one(from, row_of(from, type));
    if (name.empty() || std::ranges::find(names, name) != names.end())
      from.refuse("the name \"" + name + "\" is empty or another layer's of the same list");
    made->add(names.emplace_back(name), std::move(next));
  }
  return made;
}

std::unique_ptr<layer> make_layers(std::span<const layer_settings> list) {
  return make_layers_at(std::string(top), list);
}

std::unique_ptr<network> make_network(std::span<const layer_settings> list,
                                      const model_input& input) {
  settings_list fitted(list.begin(), list.end());
  if (!fitted.empty()) fit(fitted.front(), input);
  const bool has_places = input.kind == sample_kind::tokens;
  return make_classifier(make_layers(fitted), input.extents,
                         {.classes = input.classes, .places = has_places ? input.extents[0] : 0});
}

} // namespace lagrange::ops
