#include "ops/layer_table.hpp"

#include <array>

namespace lagrange::ops {

namespace {

/// Of any extent or count: products of two stay far below 2^63.
constexpr std::int64_t count_max = std::int64_t{1} << 24;

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

std::int64_t check_count(settings_reader& from, std::string_view key, std::int64_t count) {
  if (count >= 0 && count <= count_max) return count;
  from.refuse("\"" + std::string(key) + "\" must be a whole number from 0 to " +
              std::to_string(count_max) + ", not " + std::to_string(count));
}

std::int64_t read_count(settings_reader& from, std::string_view key, std::int64_t otherwise) {
  return check_count(from, key, from.find<std::int64_t>(key).value_or(otherwise));
}

std::int64_t need_count(settings_reader& from, std::string_view key) {
  return check_count(from, key, from.need<std::int64_t>(key));
}

linear_input read_linear_input(settings_reader& from) {
  const auto name = from.find<std::string>("of").value_or("sample");
  if (name == "sample") return linear_input::sample;
  if (name == "row") return linear_input::row;
  from.refuse("\"of\" must be \"sample\" or \"row\", not \"" + name + "\"");
}

std::unique_ptr<layer> make_linear(settings_reader& from) {
  return linear({.outputs = need_count(from, "outputs"),
                 .of = read_linear_input(from),
                 .has_bias = from.find<bool>("bias").value_or(true),
                 .after = read_activation(from)});
}

std::unique_ptr<layer> make_embedding(settings_reader& from) {
  const auto width = need_count(from, "width");
  return embedding(read_count(from, embedding_rows, 0), width);
}

std::unique_ptr<layer> make_positions(settings_reader& from) {
  return positions(read_count(from, "length", 0));
}

std::unique_ptr<layer> make_attention(settings_reader& from) {
  const auto heads = need_count(from, "heads");
  return multi_head_attention(heads, from.need<bool>("causal") ? attention_mask::causal
                                                               : attention_mask::none);
}

std::unique_ptr<layer> make_convolution(settings_reader& from) {
  return convolution({.outputs = need_count(from, "outputs"),
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
  return residual(make_layers_at(from.where() + ".layers", inner),
                  around ? make_layers_at(from.where() + ".shortcut", *around) : nullptr, after);
}

// Layers that have no settings.
template <std::unique_ptr<layer> (*make)()>
std::unique_ptr<layer> make_bare(settings_reader&) {
  return make();
}

constexpr std::array<layer_row, 19> table{{
    {"linear",
     "x w + b of each sample as one row: outputs, of (sample; or row, each for itself), bias "
     "(true), after (relu or none)",
     &make_linear},
    {"convolution", "of images: outputs, kernel, stride, padding, groups, bias (true), after",
     &make_convolution},
    {"residual",
     "the sum of its layers and its shortcut, of which none is the input: layers, "
     "shortcut, after",
     &make_residual},
    {"embedding", "a row of a table for each token: width, rows (as many as there are symbols)",
     &make_embedding, sample_kind::tokens},
    {"positions", "adds a row of its own to each place of a sequence: length (that of a sample)",
     &make_positions},
    {"attention", "of several heads, each place to all or to none after it: heads, causal",
     &make_attention},
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

} // namespace

std::span<const layer_row> layer_table() { return table; }

} // namespace lagrange::ops
