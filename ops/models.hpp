/// \file
/// The models that a config can name. To add one, write a maker and a row in models.cpp's table, or
/// put a row into your program's catalog.
#pragma once

#include "ops/network.hpp"

#include <memory>

namespace lagrange::ops {

/// What a data set asks of a model.
struct model_input {
  shape extents; ///< of one sample, [H, W, C]
  std::int64_t classes = 0;
};

/// One row of the table that config, `lagrange list models` and the tests read.
struct model_row {
  std::string_view name;
  std::string_view help;
  /// Errors: throws std::invalid_argument, saying what would fit, if the input does not suit.
  std::unique_ptr<network> (*make)(const model_input& input);
};

/// The models that come with lagrange.
std::span<const model_row> models();

} // namespace lagrange::ops
