/// \file
/// The models that a config can name. To add one, write a maker and a row in models.cpp's table, or
/// put a row into your program's catalog.
#pragma once

#include "ops/model_settings.hpp"
#include "ops/network.hpp"

#include <array>
#include <memory>

namespace lagrange::ops {

/// What the inputs of a batch are, and what its labels are about.
enum class sample_kind : std::uint8_t {
  numbers = 0, ///< f32 [B, H, W, C]; labels [B]: the class of each sample
  tokens,      ///< i32 [B, T]; labels [B, T]: the token after each
  sparse_rows, ///< i32 [B, M, 2]: index and bits of an f32, padded with index -1; labels [B]
  pairs, ///< i32 [B, 2]: a row of each of two tables; labels [B]: 1 where they belong together
};
constexpr std::string_view name(sample_kind kind) {
  constexpr std::array<std::string_view, 4> names{"numbers", "tokens", "sparse rows", "pairs"};
  return names[static_cast<std::size_t>(kind)];
}

/// What a data set asks of a model.
struct model_input {
  /// Of one sample: [H, W, C], [T], [M, 2] or [2]. Pairs to test with may be [2 + K]: K other rows
  /// of the second table, to rank the true one against.
  shape extents;
  std::int64_t classes = 0;
  sample_kind kind = sample_kind::numbers;
  /// Tokens: symbols of the vocabulary, 0. Sparse rows: features, 0. Pairs: rows of both tables.
  std::array<std::int64_t, 2> fields{};
  bool operator==(const model_input&) const = default;
};

/// One row of the table that config, `lagrange list models` and the tests read.
struct model_row {
  std::string_view name;
  std::string_view help;
  /// Called by make(), with a value for each of `settings`.
  std::unique_ptr<network> (*maker)(const model_input& input, const model_settings& settings);
  sample_kind takes = sample_kind::numbers;
  std::span<const model_setting> settings = {};

  /// What is not `set` is as the table says.
  /// Errors: throws std::invalid_argument, saying what would fit, if the input or what is set does
  /// not suit.
  std::unique_ptr<network> make(const model_input& input, const model_settings& set = {}) const;
};

/// The models that come with lagrange.
std::span<const model_row> models();

} // namespace lagrange::ops
