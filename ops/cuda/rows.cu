// Embeddings and attention.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "ops/cuda/kernels/rows.cuh"
#include "ops/cuda/softmax.cuh"

#include <cmath>

namespace lagrange::ops::cuda {

status embedding(stream* on, const embedding_call& call) {
  if (!are_extents(call.tokens, call.entries, call.width)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    return launch(*on, rows_grid(call.tokens, call.width), take_rows<decltype(type)>, call.tokens,
                  call.entries, call.width, call.ids, as(call.table, type), as(call.y, type));
  });
}

status embedding_slopes(stream* on, const embedding_slopes_call& call) {
  if (!are_extents(call.segments, call.width)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    return launch(*on, rows_grid(call.segments, call.width), sum_segments<decltype(type)>,
                  call.segments, call.width, call.order, call.starts, as(call.d_y, type),
                  call.d_rows);
  });
}

namespace {

// One pass of attention over elements T: what its steps share. Matrices are those of one head, [T,
// width] or [T, T], a batch of them for all sequences and heads.
template <class T>
struct attention_pass {
  stream* on;
  attention_shape shape;
  dtype type;
  precision f32;

  std::int64_t matrices() const { return shape.batch * shape.heads; }
  std::int64_t matrix_elements() const { return shape.time * shape.width; }
  std::int64_t part_elements() const { return matrices() * matrix_elements(); }
  std::int64_t weight_elements() const { return matrices() * shape.time * shape.time; }
  softmax_shape rows(mask hidden) const {
    return {matrices() * shape.time, shape.time, 1 / std::sqrt(static_cast<float>(shape.width)),
            hidden};
  }
  heads_shape heads(std::int64_t parts) const {
    return {parts, shape.batch, shape.time, shape.heads, shape.width};
  }
  grid heads_grid(std::int64_t parts) const {
    return rows_grid(parts * matrices() * shape.time, shape.width);
  }
  status split(std::int64_t parts, const T* joined, T* to) const {
    return launch(*on, heads_grid(parts), split_heads<T>, heads(parts), joined, to);
  }
  status join(std::int64_t parts, const T* split, T* to) const {
    return launch(*on, heads_grid(parts), join_heads<T>, heads(parts), split, to);
  }

  // [T, T] f32 = a b^T of two [T, width].
  status scores(const T* a, const T* b, float* y) const {
    return product(on, {.type = type,
                        .y_type = dtype::f32,
                        .rows = shape.time,
                        .inner = shape.width,
                        .columns = shape.time,
                        .a = {.at = a, .stride = matrix_elements()},
                        .b = {.at = b, .how = lies::transposed, .stride = matrix_elements()},
                        .y = y,
                        .y_stride = shape.time * shape.time,
                        .batch = matrices(),
                        .f32 = f32});
  }
  // [T, width] = op(weights) [T, T] b [T, width].
  status weighted(const T* weights, lies how, const T* b, T* y) const {
    return product(on, {.type = type,
                        .y_type = type,
                        .rows = shape.time,
                        .inner = shape.time,
                        .columns = shape.width,
                        .a = {.at = weights, .how = how, .stride = shape.time * shape.time},
                        .b = {.at = b, .stride = matrix_elements()},
                        .y = y,
                        .y_stride = matrix_elements(),
                        .batch = matrices(),
                        .f32 = f32});
  }
};

bool are_attention_extents(const attention_shape& of) {
  return are_extents(of.batch, of.time, of.heads, of.width);
}

} // namespace

status attention(stream* on, const attention_call& call) {
  if (!are_attention_extents(call.shape)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    const attention_pass<element> pass{on, call.shape, call.type, call.f32};
    const auto part = pass.part_elements();
    scratch split_room(*on), score_room(*on);
    element* split = nullptr; // queries, keys, values; then what the weights make of the values
    float* scores = nullptr;
    auto* weights = as(call.weights, type);
    return first_failure(
        [&] { return split_room.take(4 * part, split); },
        [&] { return score_room.take(pass.weight_elements(), scores); },
        [&] { return pass.split(3, as(call.qkv, type), split); },
        [&] { return pass.scores(split, split + part, scores); },
        [&] { return softmax_of(*on, pass.rows(call.hidden), scores, weights); },
        [&] { return pass.weighted(weights, lies::plain, split + 2 * part, split + 3 * part); },
        [&] { return pass.join(1, split + 3 * part, as(call.y, type)); });
  });
}

status attention_slopes(stream* on, const attention_slopes_call& call) {
  if (!are_attention_extents(call.shape)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    const attention_pass<element> pass{on, call.shape, call.type, call.f32};
    const auto part = pass.part_elements();
    scratch split_room(*on), slope_room(*on), weight_room(*on), score_room(*on);
    element* split = nullptr;  // queries, keys, values, d_y
    element* slopes = nullptr; // of queries, keys, values
    float* d_weights = nullptr;
    element* d_scores = nullptr;
    const auto* weights = as(call.weights, type);
    return first_failure(
        [&] { return split_room.take(4 * part, split); },
        [&] { return slope_room.take(3 * part, slopes); },
        [&] { return weight_room.take(pass.weight_elements(), d_weights); },
        [&] { return score_room.take(pass.weight_elements(), d_scores); },
        [&] { return pass.split(3, as(call.qkv, type), split); },
        [&] { return pass.split(1, as(call.d_y, type), split + 3 * part); },
        [&] {
          return pass.weighted(weights, lies::transposed, split + 3 * part, slopes + 2 * part);
        },
        [&] { return pass.scores(split + 3 * part, split + 2 * part, d_weights); },
        [&] {
          return softmax_slopes_of(*on, pass.rows(call.hidden), weights, d_weights, d_scores);
        },
        [&] { return pass.weighted(d_scores, lies::plain, split + part, slopes); },
        [&] { return pass.weighted(d_scores, lies::transposed, split, slopes + part); },
        [&] { return pass.join(3, slopes, as(call.d_qkv, type)); });
  });
}

} // namespace lagrange::ops::cuda
