// Normalisations.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "ops/cuda/column_sums.cuh"
#include "ops/cuda/kernels/batch_norm.cuh"
#include "ops/cuda/kernels/row_norms.cuh"

namespace lagrange::ops::cuda {

status row_norm(stream* on, const row_norm_call& call) {
  const auto [rows, columns, epsilon] = call.shape;
  if (!are_extents(rows, columns)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    return launch(*on, row_grid(call.shape.rows, call.shape.columns),
                  normalise_rows<decltype(type)>, call.shape, as(call.x, type), call.by,
                  row_statistics{call.mean, call.scale}, as(call.y, type));
  });
}

// d_x may lie where d_y does, so the parameters come first.
status row_norm_slopes(stream* on, const row_norm_slopes_call& call) {
  if (!are_extents(call.shape.rows, call.shape.columns)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    const row_statistics kept{call.mean, call.scale};
    const row_norm_columns<element> columns{call.shape.columns, as(call.x, type),
                                            as(call.d_y, type), kept};
    return first_failure(
        [&] {
          return column_sums<2>(*on, call.shape.rows, call.shape.columns, columns,
                                store_totals<2>{{call.d_gamma, call.d_beta}});
        },
        [&] {
          return launch(*on, row_grid(call.shape.rows, call.shape.columns),
                        row_norm_row_slopes<element>, call.shape, as(call.x, type), call.gamma,
                        kept, as(call.d_y, type), as(call.d_x, type));
        });
  });
}

namespace {

template <class T>
status take_statistics(stream& on, const batch_norm_call& call, const T* x) {
  if (call.when == phase::evaluation)
    return launch(on, line_grid(call.channels), take_running, call.channels, call.epsilon,
                  call.running_mean, call.running_variance, call.mean, call.scale);
  const auto rows = static_cast<float>(call.rows);
  return first_failure(
      [&] {
        return column_sums<1>(on, call.rows, call.channels, column_body<T>{x, call.channels},
                              store_mean{rows, call.mean});
      },
      [&] {
        return column_sums<1>(on, call.rows, call.channels,
                              variance_column<T>{x, call.mean, call.channels},
                              store_variance{.rows = rows,
                                             .epsilon = call.epsilon,
                                             .momentum = call.momentum,
                                             .mean = call.mean,
                                             .scale = call.scale,
                                             .running_mean = call.running_mean,
                                             .running_variance = call.running_variance});
      });
}

} // namespace

status batch_norm(stream* on, const batch_norm_call& call) {
  if (!are_extents(call.rows, call.channels)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    const auto* x = as(call.x, type);
    const channel_norm by{call.gamma, call.mean, call.scale};
    return first_failure([&] { return take_statistics(*on, call, x); },
                         [&] {
                           return launch(*on, plane_grid(call.rows, call.channels),
                                         normalise_channels<element>, call.rows, call.channels, by,
                                         call.beta, x, as(call.y, type));
                         });
  });
}

status batch_norm_slopes(stream* on, const batch_norm_slopes_call& call) {
  if (!are_extents(call.rows, call.channels)) return refuse_extents();
  return with_type(call.type, [&](auto type) {
    using element = decltype(type);
    const auto* x = as(call.x, type);
    const auto* d_y = as(call.d_y, type);
    const channel_norm by{call.gamma, call.mean, call.scale};
    return first_failure(
        [&] {
          return column_sums<2>(*on, call.rows, call.channels,
                                channel_norm_column<element>{call.channels, x, d_y, by},
                                store_totals<2>{{call.d_gamma, call.d_beta}});
        },
        [&] {
          return launch(*on, plane_grid(call.rows, call.channels), channel_norm_slopes<element>,
                        call.rows, call.channels, by, call.d_gamma, call.d_beta, x, d_y,
                        as(call.d_x, type));
        });
  });
}

} // namespace lagrange::ops::cuda
