/// \file
/// Products and convolutions of 16-bit operands with sums in f32, for a CPU whose instructions for
/// them are faster than those of f32 (AMX). Who wants one asks, and computes in f32 when there is
/// none.
#pragma once

#include "ops/functions.hpp"
#include "ops/product.hpp"

#include <initializer_list>
#include <memory>

namespace lagrange::ops {

/// One of them, kept ready. Used by one thread at a time.
class half_kernel {
public:
  virtual ~half_kernel() = default;
  /// Runs to the end. `data`: the memories that the kernel was asked for, in that order.
  /// Errors: throws device_error.
  virtual void run(std::initializer_list<const void*> data) = 0;
};

/// y = f(op(a) op(b) + bias). Run with a, b, y, and the bias if there is one.
/// Shapes: as those of product; a, b of `type`, y of `result`, bias of f32.
struct half_product {
  dtype type = dtype::bf16;   ///< 16 bits; or f32, for a test where there are no others
  dtype result = dtype::bf16; ///< the same, or f32
  product_sizes sizes;
  product_options how;
};

/// One of the three products of a convolution (functions.hpp). Run with x, w, y, and the bias if
/// there is one; with x, d_y, d_w; or with d_y, w, d_x. Of `type`, but for the bias and d_w, which
/// are of f32. Shapes: as those of convolution().
struct half_convolution {
  enum class way : std::uint8_t { forward, weight, input } goes = way::forward;
  dtype type = dtype::bf16; ///< 16 bits; or f32, as above
  shape x, y;
  window how;
  product_options::bias_type bias = product_options::bias_type::none; ///< forward
  activation after = activation::none;                                ///< forward
};

class half_kernels {
public:
  virtual ~half_kernels() = default;
  /// Returns: null where it has none that is worth it.
  virtual std::unique_ptr<half_kernel> make(const half_product& what) const = 0;
  virtual std::unique_ptr<half_kernel> make(const half_convolution& what) const = 0;
};

/// Which of oneDNN's to take.
enum class half_products : std::uint8_t {
  faster, ///< than f32: of a CPU with AMX
  /// Also with AVX-512 BF16 alone, whose products take longer than f32 and two roundings
  /// (bench/README.md): for tests, and to measure it.
  all,
};

/// Those of oneDNN, which is asked for each. None on a CPU without 16-bit products, where oneDNN
/// either refuses or emulates them, and none where it has but a reference loop.
std::unique_ptr<const half_kernels>
onednn_half_kernels(half_products which = half_products::faster);

} // namespace lagrange::ops
