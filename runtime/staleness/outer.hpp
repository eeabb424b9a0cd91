/// \file
/// What becomes of what workers push when they take several steps by themselves: the outer rule. A
/// worker steps with the job's optimizer and pushes a delta, what it read less what it came to; a
/// shard's outer optimizer takes deltas for gradients. To add one, write a maker and a row in
/// outer.cpp's table, or put a row into your program's catalog.
#pragma once

#include "ops/optimizer.hpp"
#include "runtime/error.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace lagrange::runtime {

struct outer_rule {
  /// Of a shard, for so many elements.
  std::function<std::unique_ptr<ops::optimizer>(std::size_t elements)> make_optimizer;
  /// 0: a lease starts from what was pulled. Else a worker keeps parameters of its own, and after
  /// each lease it and the shards come so much of their distance closer to each other.
  float elasticity = 0;
};

/// One row of the table that config, `lagrange list outers` and the tests read.
struct outer_row {
  std::string_view name;
  std::string_view arguments; ///< as the user writes them; those in brackets may be left out
  std::string_view help;
  /// Errors: bad_argument, naming the argument and what was expected.
  result<outer_rule> (*make)(std::span<const std::string_view> arguments);
};

/// The outer rules that come with lagrange.
std::span<const outer_row> outers();

/// Makes the rule that `spec` names, as in "diloco:0.7:0.9".
/// Errors: bad_argument, with the nearest name and the arguments expected.
result<outer_rule> make_outer(std::span<const outer_row> table, std::string_view spec);

} // namespace lagrange::runtime
