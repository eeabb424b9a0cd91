/// \file
/// How much a late gradient counts: the factor by which a shard multiplies it. To add one, write a
/// class and a row in weight.cpp's table, or put a row into your program's catalog.
#pragma once

#include "runtime/error.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace lagrange::runtime {

class staleness_weight {
public:
  virtual ~staleness_weight() = default;
  /// From 0 to 1, and 1 for a gradient that is not late. Units: versions between read and apply.
  virtual double of(std::uint64_t staleness) const = 0;
};

/// One row of the table that config, `lagrange list weights` and the tests read.
struct weight_row {
  std::string_view name;
  std::string_view arguments; ///< as the user writes them; empty: none
  std::string_view help;
  /// Errors: bad_argument, naming the argument and what was expected.
  result<std::unique_ptr<staleness_weight>> (*make)(std::span<const std::string_view> arguments);
};

/// The weights that come with lagrange.
std::span<const weight_row> weights();

/// Makes the weight that `spec` names, as in "exponential:0.1".
/// Errors: bad_argument, with the nearest name and the arguments expected.
result<std::unique_ptr<staleness_weight>> make_weight(std::span<const weight_row> table,
                                                      std::string_view spec);

} // namespace lagrange::runtime
