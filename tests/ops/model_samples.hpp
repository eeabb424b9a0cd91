/// \file
/// For every kind of samples that a model may take: a small data set's description, and batches of
/// random ones.
#pragma once

#include "ops/models.hpp"

#include <algorithm>
#include <vector>

namespace lagrange::tests {

struct batch_of {
  ops::tensor inputs;
  std::vector<std::int32_t> labels;
};

/// What a data set might ask of this model. Images of 28x28 pixels in ten classes; sequences of 9
/// tokens of 11; rows of at most 6 of 20 features; pairs from tables of 7 and 30 rows.
ops::model_input input_of(const ops::model_row& row);

/// The same; but pairs come with five others to be held against, instead of those that are drawn
/// anew for each pass and place.
ops::model_input input_without_draws(const ops::model_row& row);

/// The model for input_of(), made smaller than it is where that saves time, its tables among the
/// other parameters (whole_tables.hpp).
std::unique_ptr<ops::network> make_small(const ops::model_row& row);

batch_of samples(const ops::model_input& from, std::int64_t count, std::uint64_t seed);

inline const ops::model_row& model(std::string_view name) {
  return *std::ranges::find(ops::models(), name, &ops::model_row::name);
}

} // namespace lagrange::tests
