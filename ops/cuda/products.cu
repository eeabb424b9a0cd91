// Products by cuBLAS, and convolutions as products of patches.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "ops/cuda/device.cuh"
#include "ops/cuda/kernels/images.cuh"

#include <climits>

namespace lagrange::ops::cuda {

namespace {

cudaDataType_t data_type(dtype type) {
  return type == dtype::f32 ? CUDA_R_32F : type == dtype::f16 ? CUDA_R_16F : CUDA_R_16BF;
}

bool is_storage(dtype type) {
  return type == dtype::f32 || type == dtype::f16 || type == dtype::bf16;
}

cublasOperation_t operation(lies how) {
  return how == lies::transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
}

// From row to row as stored.
std::int64_t leading(const product_call::operand& of, std::int64_t rows, std::int64_t columns) {
  if (of.leading != 0) return of.leading;
  return of.how == lies::plain ? columns : rows;
}

} // namespace

// cuBLAS knows columns only. Read by columns, row-major memory is the transposed matrix, and y^T =
// op(b)^T op(a)^T: the operands change places and keep their transpositions.
status product(stream* on, const product_call& call) {
  if (!is_storage(call.type) || (call.y_type != dtype::f32 && call.y_type != call.type))
    return "a product takes f32, f16 or bf16, and gives the same or f32";
  const auto a_leading = leading(call.a, call.rows, call.inner);
  const auto b_leading = leading(call.b, call.inner, call.columns);
  const auto y_leading = call.y_leading != 0 ? call.y_leading : call.columns;
  if (!are_extents(call.rows, call.inner, call.columns, call.batch) ||
      std::max({call.rows, call.inner, call.columns, call.batch, a_leading, b_leading, y_leading}) >
          INT_MAX)
    return "a product takes extents from 1 to 2^31 - 1";
  if (status why = select(*on->of)) return why;
  const auto compute = call.type == dtype::f32 && call.f32 == precision::tf32
                           ? CUBLAS_COMPUTE_32F_FAST_TF32
                           : CUBLAS_COMPUTE_32F;
  return text_of(cublasGemmStridedBatchedEx(
      on->blas, operation(call.b.how), operation(call.a.how), static_cast<int>(call.columns),
      static_cast<int>(call.rows), static_cast<int>(call.inner), &call.factor, call.b.at,
      data_type(call.type), static_cast<int>(b_leading), call.b.stride, call.a.at,
      data_type(call.type), static_cast<int>(a_leading), call.a.stride, &call.keep, call.y,
      data_type(call.y_type), static_cast<int>(y_leading), call.y_stride,
      static_cast<int>(call.batch), compute, CUBLAS_GEMM_DEFAULT));
}

namespace {

// The products of a convolution: of patches [windows, groups, patch] and weights [patch, outputs],
// a product for each group.
struct grouped_shape {
  std::int64_t windows, groups, patch, outputs;

  std::int64_t group_outputs() const { return outputs / groups; }
  product_call::operand patches(const void* at, lies how) const {
    return {.at = at, .how = how, .leading = groups * patch, .stride = patch};
  }
  product_call::operand by_output(const void* at, lies how) const {
    return {.at = at, .how = how, .leading = outputs, .stride = group_outputs()};
  }
};

template <class Call>
grouped_shape shape_of(const Call& call) {
  return {.windows = call.at.windows(),
          .groups = call.groups,
          .patch =
              std::int64_t{1} * call.at.kernel * call.at.kernel * call.at.channels / call.groups,
          .outputs = call.outputs};
}

template <class Call>
status refuse(const Call& call) {
  if (status why = refuse_window(call.at)) return why;
  if (!are_extents(call.groups, call.outputs)) return refuse_extents();
  if (call.at.channels % call.groups != 0 || call.outputs % call.groups != 0)
    return "the channels and outputs of a convolution are multiples of its groups";
  if (shape_of(call).patch * call.groups > INT_MAX) return "a patch has 2^31 elements or more";
  return nullptr;
}

// A window of one pixel is its own patch.
bool is_pointwise(const window_shape& at) {
  return at.kernel == 1 && at.stride == 1 && at.padding == 0;
}

template <class Call>
std::int64_t patch_elements(const Call& call) {
  return call.at.windows() * shape_of(call).patch * call.groups;
}

// The patches of x, in memory of `room` unless they are x itself.
template <class Call>
status make_patches(stream& on, const Call& call, scratch& room, const void*& patches) {
  patches = call.x;
  if (is_pointwise(call.at)) return nullptr;
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    element* made = nullptr;
    if (status why = room.take(patch_elements(call), made)) return why;
    patches = made;
    const auto width = shape_of(call).patch * call.groups;
    return launch(on, rows_grid(call.at.windows(), width), take_patches<element>, call.at,
                  call.groups, as(call.x, type), made);
  });
}

status weight_slopes(stream* on, const convolution_slopes_call& call) {
  scratch room(*on);
  const void* patches = nullptr;
  if (status why = make_patches(*on, call, room, patches)) return why;
  const auto shape = shape_of(call);
  return product(on, {.type = call.type,
                      .y_type = dtype::f32,
                      .rows = shape.patch,
                      .inner = shape.windows,
                      .columns = shape.group_outputs(),
                      .a = shape.patches(patches, lies::transposed),
                      .b = shape.by_output(call.d_y, lies::plain),
                      .y = call.d_w,
                      .y_leading = shape.outputs,
                      .y_stride = shape.group_outputs(),
                      .batch = shape.groups,
                      .f32 = call.f32});
}

status image_slopes(stream* on, const convolution_slopes_call& call) {
  const auto shape = shape_of(call);
  const auto patch_slopes = [&](void* to) {
    return product(on, {.type = call.type,
                        .y_type = call.type,
                        .rows = shape.windows,
                        .inner = shape.group_outputs(),
                        .columns = shape.patch,
                        .a = shape.by_output(call.d_y, lies::plain),
                        .b = shape.by_output(call.w, lies::transposed),
                        .y = to,
                        .y_leading = shape.groups * shape.patch,
                        .y_stride = shape.patch,
                        .batch = shape.groups,
                        .f32 = call.f32});
  };
  if (is_pointwise(call.at)) return patch_slopes(call.d_x);
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    scratch room(*on);
    element* patches = nullptr;
    return first_failure([&] { return room.take(patch_elements(call), patches); },
                         [&] { return patch_slopes(patches); },
                         [&] {
                           return launch(*on, rows_grid(call.at.pixels(), call.at.channels),
                                         add_patches<element>, call.at, call.groups, patches,
                                         as(call.d_x, type));
                         });
  });
}

} // namespace

status convolution(stream* on, const convolution_call& call) {
  if (status why = refuse(call)) return why;
  scratch room(*on);
  const void* patches = nullptr;
  if (status why = make_patches(*on, call, room, patches)) return why;
  const auto shape = shape_of(call);
  const status why = product(on, {.type = call.type,
                                  .y_type = call.type,
                                  .rows = shape.windows,
                                  .inner = shape.patch,
                                  .columns = shape.group_outputs(),
                                  .a = shape.patches(patches, lies::plain),
                                  .b = shape.by_output(call.w, lies::plain),
                                  .y = call.y,
                                  .y_leading = shape.outputs,
                                  .y_stride = shape.group_outputs(),
                                  .batch = shape.groups,
                                  .f32 = call.f32});
  if (why != nullptr) return why;
  if (call.bias == nullptr && call.before == nullptr && call.f == activation::identity)
    return nullptr;
  return add_bias(on, {.f = call.f,
                       .type = call.type,
                       .rows = shape.windows,
                       .columns = shape.outputs,
                       .x = call.y,
                       .bias = call.bias,
                       .before = call.before,
                       .y = call.y});
}

status convolution_slopes(stream* on, const convolution_slopes_call& call) {
  return first_failure([&] { return refuse(call); },
                       [&] { return call.d_w == nullptr ? nullptr : weight_slopes(on, call); },
                       [&] { return call.d_x == nullptr ? nullptr : image_slopes(on, call); },
                       [&] {
                         return call.d_bias == nullptr ? nullptr
                                                       : sum_rows(on, {.type = call.type,
                                                                       .rows = call.at.windows(),
                                                                       .columns = call.outputs,
                                                                       .x = call.d_y,
                                                                       .sums = call.d_bias});
                       });
}

} // namespace lagrange::ops::cuda
