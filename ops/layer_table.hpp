/// \file
/// The layers that a config can name, so that a model can be written down as a list of them. To add
/// one, write a maker and a row in layer_table.cpp.
#pragma once

#include "ops/layer_settings.hpp"
#include "ops/layers.hpp"
#include "ops/models.hpp"

#include <span>
#include <string_view>

namespace lagrange::ops {

struct layer_row {
  std::string_view name; ///< what `type` says
  std::string_view help;
  /// Asks for each setting that there is. Errors: throws std::invalid_argument.
  std::unique_ptr<layer> (*make)(settings_reader& from);
  /// Only the first layer of all can take anything but numbers.
  sample_kind takes = sample_kind::numbers;
};

std::span<const layer_row> layer_table();

/// The setting of `embedding` that make_network() completes from the data.
inline constexpr std::string_view embedding_rows = "rows";

/// One layer after another, each of the `type` that it names. Their parameters are called by their
/// `name`, or by their type and its number: "convolution2.weight".
/// Errors: throws std::invalid_argument, saying which layer ("layers[2]") and what was expected;
/// what does not fit the samples is told so when the layers are built.
std::unique_ptr<layer> make_layers(std::span<const layer_settings> list);

/// The same for a list inside of a layer; `where` is how errors call it: "layers[2].shortcut".
std::unique_ptr<layer> make_layers_at(const std::string& where,
                                      std::span<const layer_settings> list);

/// A classifier of the samples of a data set, of these layers. Tokens need a layer that takes them
/// first, and an embedding has a row for each of their symbols unless it says how many more.
/// Errors: as above, and if the layers do not suit the samples or end in what the labels need.
std::unique_ptr<network> make_network(std::span<const layer_settings> list,
                                      const model_input& input);

} // namespace lagrange::ops
