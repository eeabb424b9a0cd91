#include "ops/layer_table.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace lagrange::ops {

namespace {

std::unique_ptr<layer> make_list(std::span<const layer_settings> list, const std::string& where);

activation read_activation(settings_reader& from) {
  const auto name = from.find<std::string>("after").value_or("none");
  if (name == "none") return activation::none;
  if (name == "relu") return activation::relu;
  from.refuse("\"after\" must be \"relu\" or \"none\", not \"" + name +
              "\"; other functions are layers of their own");
}

float read_epsilon(settings_reader& from) {
  return static_cast<float>(from.find<double>("epsilon").value_or(1e-5));
}

std::int64_t read_count(settings_reader& from, std::string_view key, std::int64_t otherwise) {
  return from.find<std::int64_t>(key).value_or(otherwise);
}

std::unique_ptr<layer> make_linear(settings_reader& from) {
  const auto outputs = from.need<std::int64_t>("outputs");
  return linear(outputs, read_activation(from));
}

std::unique_ptr<layer> make_convolution(settings_reader& from) {
  return convolution({.outputs = from.need<std::int64_t>("outputs"),
                      .kernel = read_count(from, "kernel", 1),
                      .stride = read_count(from, "stride", 1),
                      .padding = read_count(from, "padding", 0),
                      .groups = read_count(from, "groups", 1),
                      .has_bias = from.find<bool>("bias").value_or(true),
                      .after = read_activation(from)});
}

std::unique_ptr<layer> make_max_pool(settings_reader& from) {
  const auto side = read_count(from, "side", 2);
  return max_pool(side, read_count(from, "stride", side));
}

std::unique_ptr<layer> make_average_pool(settings_reader& from) {
  const auto side = read_count(from, "side", 2);
  return average_pool({side, read_count(from, "stride", side), read_count(from, "padding", 0)});
}

std::unique_ptr<layer> make_batch_norm(settings_reader& from) {
  return batch_norm({.epsilon = read_epsilon(from), .after = read_activation(from)});
}

std::unique_ptr<layer> make_layer_norm(settings_reader& from) {
  return layer_norm(read_epsilon(from));
}

std::unique_ptr<layer> make_rms_norm(settings_reader& from) { return rms_norm(read_epsilon(from)); }

std::unique_ptr<layer> make_dropout(settings_reader& from) {
  return dropout(static_cast<float>(from.need<double>("share")));
}

std::unique_ptr<layer> make_residual(settings_reader& from) {
  const auto inner = from.need<layer_settings::list>("layers");
  const auto around = from.find<layer_settings::list>("shortcut");
  const auto after = read_activation(from);
  return residual(make_list(inner, from.where() + ".layers"),
                  around ? make_list(*around, from.where() + ".shortcut") : nullptr, after);
}

// Layers that have no settings.
template <std::unique_ptr<layer> (*make)()>
std::unique_ptr<layer> make_bare(settings_reader&) {
  return make();
}

constexpr std::array<layer_row, 16> table{{
    {"linear", "x w + b of each sample as one row: outputs, after (relu or none)", &make_linear},
    {"convolution", "of images: outputs, kernel, stride, padding, groups, bias (true), after",
     &make_convolution},
    {"residual",
     "the sum of its layers and its shortcut, of which none is the input: layers, "
     "shortcut, after",
     &make_residual},
    {"max_pool", "the largest of each window: side (2), stride (side)", &make_max_pool},
    {"average_pool", "the mean of each window: side (2), stride (side), padding",
     &make_average_pool},
    {"global_average_pool", "the mean of each channel", &make_bare<&global_average_pool>},
    {"batch_norm", "by channel, over the batch: epsilon (1e-5), after", &make_batch_norm},
    {"layer_norm", "by row: epsilon (1e-5)", &make_layer_norm},
    {"rms_norm", "by row, around 0: epsilon (1e-5)", &make_rms_norm},
    {"dropout", "zeros in training: share", &make_dropout},
    {"relu", "max(x, 0); cheaper as another layer's `after`", &make_bare<&relu>},
    {"gelu", "Gaussian error linear unit, in its form with tanh", &make_bare<&gelu>},
    {"silu", "x / (1 + e^-x)", &make_bare<&silu>},
    {"tanh", "hyperbolic tangent", &make_bare<&tanh>},
    {"sigmoid", "1 / (1 + e^-x)", &make_bare<&sigmoid>},
    {"softmax", "by row", &make_bare<&softmax>},
}};

const layer_row& row_of(settings_reader& from, std::string_view type) {
  const auto found = std::ranges::find(table, type, &layer_row::name);
  if (found != table.end()) return *found;
  std::string known;
  for (const auto& each : table) known += (known.empty() ? "" : ", ") + std::string(each.name);
  from.refuse("there is no type \"" + std::string(type) + "\"; there are " + known);
}

std::unique_ptr<layer> make_list(std::span<const layer_settings> list, const std::string& where) {
  if (list.empty()) throw std::invalid_argument(where + ": there must be at least one layer");
  auto made = std::make_unique<sequential>();
  std::vector<std::string> names, types;
  for (std::size_t i = 0; i < list.size(); ++i) {
    settings_reader from(list[i], where + "[" + std::to_string(i) + "]");
    const auto type = types.emplace_back(from.need<std::string>("type"));
    const auto number = std::to_string(std::ranges::count(types, type));
    const auto name = from.find<std::string>("name").value_or(type + number);
    auto next = row_of(from, type).make(from);
    from.finish();
    if (name.empty() || std::ranges::find(names, name) != names.end())
      from.refuse("the name \"" + name + "\" is empty or another layer's of the same list");
    made->add(names.emplace_back(name), std::move(next));
  }
  return made;
}

} // namespace

std::span<const layer_row> layer_table() { return table; }

std::unique_ptr<layer> make_layers(std::span<const layer_settings> list) {
  return make_list(list, "layers");
}

} // namespace lagrange::ops
