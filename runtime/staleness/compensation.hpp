/// \file
/// What is done to a late gradient before it is applied: a guess at the gradient that the worker
/// would have computed from the parameters as they are now. To add one, write a class and a row in
/// compensation.cpp's table, or put a row into your program's catalog.
#pragma once

#include "runtime/error.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace lagrange::runtime {

/// A part of a gradient, with the parameters that it belongs to.
/// Shapes: gradient, now, then [m].
struct late_gradient {
  std::size_t first = 0; ///< position in the shard's parameters
  std::span<const float> gradient;
  float scale = 1;             ///< that the gradient is to be multiplied by
  std::span<const float> now;  ///< what the shard holds
  std::span<const float> then; ///< what the worker read
};

/// Made for one shard's parameters.
class staleness_compensation {
public:
  virtual ~staleness_compensation() = default;
  /// Different parts of one gradient may come from several threads at a time.
  /// Shapes: out [m].
  virtual void apply(const late_gradient& late, std::span<float> out) = 0;
  /// What it has gathered from earlier gradients, for checkpoints: one value for each parameter, or
  /// nothing. One whose state is overwritten with that of another goes on as the other would.
  virtual std::span<float> state() { return {}; }
};

/// One row of the table that config, `lagrange list compensations` and the tests read.
struct compensation_row {
  std::string_view name;
  std::string_view arguments; ///< as the user writes them; empty: none
  std::string_view help;
  /// For a shard of so many elements. Null: nothing is done.
  /// Errors: bad_argument, naming the argument and what was expected.
  result<std::unique_ptr<staleness_compensation>> (*make)(
      std::span<const std::string_view> arguments, std::size_t elements);
};

/// The compensations that come with lagrange.
std::span<const compensation_row> compensations();

/// Makes the compensation that `spec` names, as in "dc:0.04"; null for "none".
/// Errors: bad_argument, with the nearest name and the arguments expected.
result<std::unique_ptr<staleness_compensation>>
make_compensation(std::span<const compensation_row> table, std::string_view spec,
                  std::size_t elements);

} // namespace lagrange::runtime
