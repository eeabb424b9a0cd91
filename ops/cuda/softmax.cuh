/// \file
/// Softmax of any mixture of storage types: that of the table has one, attention keeps its scores
/// in f32.
#pragma once

#include "ops/cuda/device.cuh"
#include "ops/cuda/kernels/softmax.cuh"

namespace lagrange::ops::cuda {

template <class X, class Y>
status softmax_of(stream& on, softmax_shape shape, const X* x, Y* y) {
  if (!are_extents(shape.rows, shape.columns)) return refuse_extents();
  return launch(on, row_grid(shape.rows, shape.columns), softmax_rows<X, Y>, shape, x, y);
}

template <class Y, class D, class X>
status softmax_slopes_of(stream& on, softmax_shape shape, const Y* y, const D* d_y, X* d_x) {
  if (!are_extents(shape.rows, shape.columns)) return refuse_extents();
  return launch(on, row_grid(shape.rows, shape.columns), softmax_row_slopes<Y, D, X>, shape, y, d_y,
                d_x);
}

} // namespace lagrange::ops::cuda
