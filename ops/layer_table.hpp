/// \file
/// The layers that a config can name, so that a model can be written down as a list of them. To add
/// one, write a maker and a row in layer_table.cpp.
#pragma once

#include "ops/layer_settings.hpp"
#include "ops/layers.hpp"

#include <span>
#include <string_view>

namespace lagrange::ops {

struct layer_row {
  std::string_view name; ///< what `type` says
  std::string_view help;
  /// Asks for each setting that there is. Errors: throws std::invalid_argument.
  std::unique_ptr<layer> (*make)(settings_reader& from);
};

std::span<const layer_row> layer_table();

/// One layer after another, each of the `type` that it names. Their parameters are called by their
/// `name`, or by their type and its number: "convolution2.weight".
/// Errors: throws std::invalid_argument, saying which layer ("layers[2]") and what was expected;
/// what does not fit the samples is told when the layers are built.
std::unique_ptr<layer> make_layers(std::span<const layer_settings> list);

} // namespace lagrange::ops
