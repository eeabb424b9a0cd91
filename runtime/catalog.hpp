/// \file
/// Everything that a job may name: models, policies, optimizers, codecs and data formats. A value: a
/// user's program takes the standard one, adds rows of its own and hands it to lagrange::main; the
/// command line, the config and every process of the job then know them. Nothing is registered
/// anywhere else.
#pragma once

#include "ops/models.hpp"
#include "ops/optimizer.hpp"
#include "runtime/codec/codec.hpp"
#include "runtime/data/dataset.hpp"
#include "runtime/staleness/policy.hpp"

#include <string_view>
#include <vector>

namespace lagrange::runtime {

struct catalog {
  std::vector<ops::model_row> models;
  std::vector<policy_row> policies;
  std::vector<ops::optimizer_row> optimizers;
  std::vector<codec_row> codecs;
  std::vector<data_row> data;

  /// The rows that come with lagrange.
  static catalog standard();
};

/// The row called `name`; null if there is none. Where two rows have one name, the later one counts,
/// so that a user's row replaces the standard one.
template <class Row>
const Row* find_row(const std::vector<Row>& rows, std::string_view name) {
  for (auto row = rows.rbegin(); row != rows.rend(); ++row)
    if (row->name == name) return &*row;
  return nullptr;
}

} // namespace lagrange::runtime
