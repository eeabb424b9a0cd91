// Pooling and shortcuts.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "ops/cuda/device.cuh"
#include "ops/cuda/kernels/images.cuh"

#include <climits>

namespace lagrange::ops::cuda {

status refuse_window(const window_shape& at) {
  if (!are_extents(at.batch, at.height, at.width, at.channels, at.kernel, at.stride))
    return refuse_extents();
  if (at.padding < 0 || at.padding >= at.kernel) return "padding is not from 0 to the kernel - 1";
  if (at.kernel > at.height + 2 * at.padding || at.kernel > at.width + 2 * at.padding)
    return "a window is larger than the image with its padding";
  if (std::max(at.pixels(), at.windows()) > INT_MAX) return "a batch has 2^31 pixels or more";
  return nullptr;
}

status pool(stream* on, const pool_call& call) {
  if (status why = refuse_window(call.at)) return why;
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    const grid at = rows_grid(call.at.windows(), call.at.channels);
    const auto* x = as(call.x, type);
    auto* y = as(call.y, type);
    if (call.how == pooling::average) return launch(*on, at, average_pool<element>, call.at, x, y);
    return launch(*on, at, max_pool<element>, call.at, x, y, call.chosen);
  });
}

status pool_slopes(stream* on, const pool_slopes_call& call) {
  if (status why = refuse_window(call.at)) return why;
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    const grid at = rows_grid(call.at.pixels(), call.at.channels);
    const auto* d_y = as(call.d_y, type);
    auto* d_x = as(call.d_x, type);
    if (call.how == pooling::average)
      return launch(*on, at, window_slopes<average_pool_share<element>, element>, call.at,
                    average_pool_share<element>{d_y}, d_x);
    return launch(*on, at, window_slopes<max_pool_share<element>, element>, call.at,
                  max_pool_share<element>{d_y, call.chosen}, d_x);
  });
}

status pixel_mean(stream* on, const pixel_mean_call& call) {
  if (!are_extents(call.batch, call.pixels, call.channels)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    return launch(*on, line_grid(call.batch * call.channels), mean_of_pixels<decltype(type)>,
                  call.batch, call.pixels, call.channels, as(call.from, type), as(call.to, type));
  });
}

status pixel_mean_slopes(stream* on, const pixel_mean_call& call) {
  if (!are_extents(call.batch, call.pixels, call.channels)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    return launch(*on, rows_grid(call.batch * call.pixels, call.channels),
                  mean_of_pixels_slopes<decltype(type)>, call.batch, call.pixels, call.channels,
                  as(call.from, type), as(call.to, type));
  });
}

namespace {

status refuse_subsample(const subsample_shape& at) {
  if (!are_extents(at.batch, at.height, at.width, at.channels, at.stride)) return refuse_extents();
  if (at.outputs < at.channels || (at.outputs - at.channels) % 2 != 0)
    return "new channels come in pairs, one before and one behind those there are";
  if (at.pixels() > INT_MAX) return "a batch has 2^31 pixels or more";
  return nullptr;
}

} // namespace

status subsample(stream* on, const subsample_call& call) {
  if (status why = refuse_subsample(call.at)) return why;
  return with_type(call.type, [&](auto type) {
    return launch(*on, rows_grid(call.at.kept(), call.at.outputs), take_pixels<decltype(type)>,
                  call.at, as(call.from, type), as(call.to, type));
  });
}

status subsample_slopes(stream* on, const subsample_call& call) {
  if (status why = refuse_subsample(call.at)) return why;
  return with_type(call.type, [&](auto type) {
    return launch(*on, rows_grid(call.at.pixels(), call.at.channels), put_pixels<decltype(type)>,
                  call.at, as(call.from, type), as(call.to, type));
  });
}

} // namespace lagrange::ops::cuda
