// Operations on each element for itself.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "ops/cuda/device.cuh"
#include "ops/cuda/kernels/elementwise.cuh"

namespace lagrange::ops::cuda {

namespace {

template <int width, class T>
bool is_aligned(const T* memory) {
  return reinterpret_cast<std::uintptr_t>(memory) % (width * sizeof(T)) == 0;
}

// y[i] = body(i, x[i]...), sixteen bytes at a time where all is aligned to them.
template <class Body, class Y, class... X>
status map(stream& on, std::int64_t count, Body body, Y* y, const X*... x) {
  if (count < 0) return "a vector has less than no elements";
  if (count == 0) return nullptr;
  constexpr int width = 16 / std::max({sizeof(Y), sizeof(X)...});
  if (is_aligned<width>(y) && (... && is_aligned<width>(x)))
    return launch(on, line_grid((count - 1) / width + 1), map_each<width, Body, Y, X...>, body,
                  count, y, x...);
  return launch(on, line_grid(count), map_each<1, Body, Y, X...>, body, count, y, x...);
}

} // namespace

status activate(stream* on, const activation_call& call) {
  return with_type(call.type, [&](auto type) {
    return map(*on, call.count, activation_body{call.f}, as(call.y, type), as(call.x, type));
  });
}

status activation_slopes(stream* on, const activation_slopes_call& call) {
  return with_type(call.type, [&](auto type) {
    return map(*on, call.count, activation_slope_body{call.f}, as(call.d_x, type),
               as(call.saved, type), as(call.d_y, type));
  });
}

status add_bias(stream* on, const bias_call& call) {
  if (!are_extents(call.rows, call.columns)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    return launch(*on, plane_grid(call.rows, call.columns), cuda::add_bias<decltype(type)>, call.f,
                  call.rows, call.columns, as(call.x, type), call.bias, as(call.before, type),
                  as(call.y, type));
  });
}

status add(stream* on, const sum_call& call) {
  return with_type(call.type, [&](auto type) {
    return map(*on, call.count, sum_body{}, as(call.y, type), as(call.a, type), as(call.b, type));
  });
}

status multiply(stream* on, const multiply_call& call) {
  return with_type(call.type, [&](auto type) {
    return map(*on, call.count, product_body{}, as(call.y, type), as(call.a, type),
               as(call.b, type));
  });
}

status scale(stream* on, const factor_call& call) {
  return with_type(call.type, [&](auto type) {
    return map(*on, call.count, scale_body{call.factor}, as(call.y, type), as(call.x, type));
  });
}

status axpy(stream* on, const factor_call& call) {
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    return map(*on, call.count, axpy_body{call.factor}, as(call.y, type), as(call.x, type),
               static_cast<const element*>(call.y));
  });
}

status convert(stream* on, const conversion_call& call) {
  return with_type(call.x_type, [&](auto from) {
    return with_type(call.y_type, [&](auto to) {
      return map(*on, call.count, copy_body{}, as(call.y, to), as(call.x, from));
    });
  });
}

status dropout(stream* on, const dropout_call& call) {
  if (!(call.rate >= 0 && call.rate < 1)) return "a dropout rate is at least 0 and less than 1";
  const dropout_body body{.drawn = random_sequence(call.seed, call.stream),
                          .first = call.first,
                          .rate = call.rate,
                          .factor = 1 / (1 - call.rate)};
  return with_type(call.type, [&](auto type) {
    return map(*on, call.count, body, as(call.y, type), as(call.x, type));
  });
}

} // namespace lagrange::ops::cuda
