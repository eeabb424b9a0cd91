// Sums, softmax and losses.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "ops/cuda/column_sums.cuh"
#include "ops/cuda/kernels/losses.cuh"
#include "ops/cuda/kernels/softmax.cuh"
#include "ops/cuda/softmax.cuh"

#include <climits>

namespace lagrange::ops::cuda {

namespace {

// total = factor * the sum of body(i).
template <class Body>
status sum_all(stream& on, std::int64_t count, Body body, float factor, float* total) {
  constexpr std::int64_t blocks_max = 1024;
  const grid at = line_grid(count, blocks_max);
  scratch room(on);
  float* parts = nullptr;
  return first_failure([&] { return room.take(at.blocks.x, parts); },
                       [&] { return launch(on, at, sum_blocks<Body>, body, count, parts); },
                       [&] {
                         return launch(on, {1, block_threads}, sum_parts, factor, parts,
                                       static_cast<std::int64_t>(at.blocks.x), total);
                       });
}

template <template <class> class Body>
status pointwise_loss(stream& on, const pointwise_loss_call& call) {
  if (!are_extents(call.count)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    const Body<decltype(type)> body{call.factor, as(call.x, type), call.target, as(call.d_x, type)};
    return sum_all(on, call.count, body, call.factor, call.loss);
  });
}

} // namespace

status sum_rows(stream* on, const row_sum_call& call) {
  if (!are_extents(call.rows, call.columns)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    return column_sums<1>(*on, call.rows, call.columns,
                          column_body<decltype(type)>{as(call.x, type), call.columns},
                          store_totals<1>{{call.sums}});
  });
}

status sum_squares(stream* on, const square_sum_call& call) {
  if (!are_extents(call.count)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    return sum_all(*on, call.count, square_body<decltype(type)>{as(call.x, type)}, 1, call.sum);
  });
}

status softmax(stream* on, const softmax_call& call) {
  return with_type(call.type, [&](auto type) {
    return softmax_of(*on, {call.rows, call.columns, call.scale, call.hidden}, as(call.x, type),
                      as(call.y, type));
  });
}

status softmax_slopes(stream* on, const softmax_slopes_call& call) {
  return with_type(call.type, [&](auto type) {
    return softmax_slopes_of(*on, {call.rows, call.columns, call.scale, call.hidden},
                             as(call.y, type), as(call.d_y, type), as(call.d_x, type));
  });
}

status cross_entropy(stream* on, const cross_entropy_call& call) {
  if (!are_extents(call.rows, call.classes)) return refuse_extents();
  if (call.classes > INT_MAX) return "there are 2^31 classes or more";
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    scratch room(*on);
    float* found = nullptr; // losses, then rows that are right
    if (status why = room.take(2 * call.rows, found)) return why;
    const cross_entropy_rows<element> of{.rows = call.rows,
                                         .classes = call.classes,
                                         .smoothing = call.smoothing,
                                         .factor = call.factor,
                                         .logits = as(call.logits, type),
                                         .labels = call.labels,
                                         .d_logits = as(call.d_logits, type),
                                         .losses = found,
                                         .correct = found + call.rows};
    return first_failure(
        [&] {
          return launch(*on, row_grid(call.rows, call.classes), cuda::cross_entropy<element>, of);
        },
        [&] { return sum_all(*on, call.rows, element_body{found}, call.factor, call.loss); },
        [&] {
          return call.correct == nullptr
                     ? nullptr
                     : sum_all(*on, call.rows, element_body{of.correct}, 1, call.correct);
        });
  });
}

status binary_cross_entropy(stream* on, const pointwise_loss_call& call) {
  return pointwise_loss<binary_cross_entropy_body>(*on, call);
}

status squared_error(stream* on, const pointwise_loss_call& call) {
  return pointwise_loss<squared_error_body>(*on, call);
}

} // namespace lagrange::ops::cuda
