/// \file
/// Matrix products, y = f(op(a) op(b) + bias), made once for their sizes and run many times.
#pragma once

#include "ops/operation.hpp"
#include "ops/primitive.hpp"

#include <optional>

namespace lagrange::ops {

/// Sizes of y [M, N] = op(a) [M, K] times op(b) [K, N].
struct product_sizes {
  std::int64_t rows = 0;    ///< M
  std::int64_t inner = 0;   ///< K
  std::int64_t columns = 0; ///< N
};

/// How an operand lies in memory.
enum class operand : std::uint8_t { plain, transposed };

struct product_options {
  operand a = operand::plain;
  operand b = operand::plain;
  enum class bias_type : std::uint8_t { none, row } bias = bias_type::none;
  activation after = activation::none;
};

class product {
public:
  product(const product_sizes& sizes, const product_options& options = {});

  /// Whether it is so small that a plain loop is faster than a call.
  static bool is_loop(const product_sizes& sizes);

  /// Shapes: a [M, K] or transposed [K, M], b [K, N] or transposed [N, K], bias [N] or empty,
  /// y [M, N], all row-major.
  void run(std::span<const float> a, std::span<const float> b, std::span<const float> bias,
           std::span<float> y);

private:
  void run_plain(const float* a, const float* b, const float* bias, float* y) const;

  product_sizes sizes_;
  product_options options_;
  std::optional<kept_primitive> primitive_; ///< none: so small that a loop is faster
};

} // namespace lagrange::ops
