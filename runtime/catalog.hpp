/// \file
/// Everything that a job may name: models, policies, optimizers, schedules, codecs and data
/// formats. A value: a user's program takes the standard one, adds rows of its own and hands it to
/// lagrange::main; the command line, the config and every process of the job then know them.
/// Nothing is registered anywhere else.
#pragma once

#include "ops/models.hpp"
#include "ops/optimizer.hpp"
#include "runtime/codec/codec.hpp"
#include "runtime/data/dataset.hpp"
#include "runtime/schedule.hpp"
#include "runtime/staleness/compensation.hpp"
#include "runtime/staleness/outer.hpp"
#include "runtime/staleness/policy.hpp"
#include "runtime/staleness/weight.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

struct catalog {
  std::vector<ops::model_row> models;
  std::vector<policy_row> policies;
  std::vector<weight_row> weights;
  std::vector<compensation_row> compensations;
  std::vector<outer_row> outers;
  std::vector<ops::optimizer_row> optimizers;
  std::vector<codec_row> codecs;
  std::vector<data_row> data;
  std::vector<schedule_row> schedules;
  /// The file of the CUDA backend; empty: the one beside the program, if there is one.
  std::string cuda_module;

  /// The rows that come with lagrange.
  static catalog standard();
};

/// The row called `name`; null if there is none. Of two rows with one name the first counts, as it
/// does for make_policy: to replace a standard row, change it.
template <class Row>
const Row* find_row(const std::vector<Row>& rows, std::string_view name) {
  for (const auto& row : rows)
    if (row.name == name) return &row;
  return nullptr;
}

} // namespace lagrange::runtime
