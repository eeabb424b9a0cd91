/// \file
/// What the CUDA backend offers, as a table of functions: the one contract between the program,
/// which is built without CUDA, and the module lagrange_cuda, which it loads when it runs. A
/// program linked with cuBLAS would not start where CUDA is missing, and 64 ms later where it is
/// not.
///
/// A worker has a context: a device, and memory of it that is kept for reuse. Work is given to
/// streams of the context. A call only gives work to the stream and comes back; work of one stream
/// is done in its order, and of two at once unless one waits for an event of the other. Only
/// `synchronise` waits. A context and all that belongs to it is used by one thread at a time.
///
/// Every function returns null, or a sentence that says what failed and lives as long as the
/// module. What fails on the device itself is told by a later call, at the latest by `synchronise`.
#pragma once

#include "ops/cuda/calls.hpp"
#include "ops/cuda/image_calls.hpp"
#include "ops/cuda/row_calls.hpp"

#include <cstddef>
#include <cstdint>

namespace lagrange::ops::cuda {

/// Of the table; the program refuses a module with another one.
constexpr std::uint32_t backend_version = 4;

struct context;
struct stream;
struct event;

/// Null: it went well.
using status = const char*;

/// Units: bytes.
struct memory_use {
  std::size_t used_bytes = 0;     ///< in the hands of callers
  std::size_t held_bytes = 0;     ///< taken from the device: used ones, and those kept for reuse
  std::size_t held_bytes_max = 0; ///< at most so far
};

struct backend {
  std::uint32_t version;

  /// Number of devices that can be used; 0 with a reason if there is none.
  status (*count_devices)(int* count);
  /// Writes a line that names all that the bits of a sum computed there depend on, as in "NVIDIA
  /// H200, sm_90, 132 multiprocessors, 139 GiB; CUDA 13.0, driver 13.0, cuBLAS 13.0.2", cut to
  /// `text_bytes` with its final zero.
  status (*describe_device)(int index, char* text, std::size_t text_bytes);

  /// A context that takes at most `held_bytes_max` of the device's memory.
  status (*open)(int index, std::size_t held_bytes_max, context** made);
  /// Waits for all streams, and gives all memory back. Requires: streams and events are closed.
  status (*close)(context* of);
  status (*open_stream)(context* of, stream** made);
  /// Waits for the stream.
  status (*close_stream)(stream* on);
  status (*open_event)(context* of, event** made);
  status (*close_event)(event* of);

  /// Marks the point that the work given to the stream has come to now.
  status (*record)(stream* on, event* point);
  /// Lets what is given to the stream from now on wait for the point, but not the caller.
  status (*wait)(stream* on, event* point);
  /// reached = 1 if the stream is past the point, or it was never recorded; else 0.
  status (*is_reached)(event* point, int* reached);
  /// Waits until all work given to the stream is done: once a step, at its end.
  status (*synchronise)(stream* on);

  /// Memory for the work of this stream, aligned to 256 bytes. Cost: none of the device's, once a
  /// step has asked for the same sizes before.
  status (*allocate)(stream* on, std::size_t size_bytes, void** memory);
  /// Another stream works with this memory, too: it is used again only when that stream is past
  /// what it has been given up to the release. Requires: that stream waits for an event of the
  /// memory's own stream, recorded after the allocation, whose earlier work may still use it.
  status (*share)(stream* with, void* memory);
  /// At any time, even before the work that uses the memory is done: later work of its stream comes
  /// after it.
  status (*release)(context* of, void* memory);
  status (*memory)(context* of, memory_use* found);

  /// Memory of the host that copies can be asynchronous from and to. Cost: slow; keep it.
  status (*allocate_pinned)(context* of, std::size_t size_bytes, void** memory);
  status (*release_pinned)(context* of, void* memory);
  /// Host memory is pinned, and left alone until the stream is past the copy.
  status (*copy_in)(stream* on, void* to_device, const void* from_pinned, std::size_t size_bytes);
  status (*copy_out)(stream* on, void* to_pinned, const void* from_device, std::size_t size_bytes);
  status (*copy_within)(stream* on, void* to, const void* from, std::size_t size_bytes);
  status (*clear)(stream* on, void* memory, std::size_t size_bytes);

  // What each does is said at its call in calls.hpp, row_calls.hpp and image_calls.hpp.
  status (*product)(stream* on, const product_call& call);
  status (*activate)(stream* on, const activation_call& call);
  status (*activation_slopes)(stream* on, const activation_slopes_call& call);
  status (*add_bias)(stream* on, const bias_call& call);
  status (*add)(stream* on, const sum_call& call);
  status (*multiply)(stream* on, const multiply_call& call);
  status (*scale)(stream* on, const factor_call& call);
  status (*axpy)(stream* on, const factor_call& call);
  status (*convert)(stream* on, const conversion_call& call);
  status (*dropout)(stream* on, const dropout_call& call);
  status (*sum_rows)(stream* on, const row_sum_call& call);
  status (*sum_squares)(stream* on, const square_sum_call& call);
  status (*softmax)(stream* on, const softmax_call& call);
  status (*softmax_slopes)(stream* on, const softmax_slopes_call& call);
  status (*cross_entropy)(stream* on, const cross_entropy_call& call);
  status (*binary_cross_entropy)(stream* on, const pointwise_loss_call& call);
  status (*squared_error)(stream* on, const pointwise_loss_call& call);
  status (*row_norm)(stream* on, const row_norm_call& call);
  status (*row_norm_slopes)(stream* on, const row_norm_slopes_call& call);
  status (*batch_norm)(stream* on, const batch_norm_call& call);
  status (*batch_norm_slopes)(stream* on, const batch_norm_slopes_call& call);
  status (*pool)(stream* on, const pool_call& call);
  status (*pool_slopes)(stream* on, const pool_slopes_call& call);
  status (*pixel_mean)(stream* on, const pixel_mean_call& call);
  status (*pixel_mean_slopes)(stream* on, const pixel_mean_call& call);
  status (*subsample)(stream* on, const subsample_call& call);
  status (*subsample_slopes)(stream* on, const subsample_call& call);
  status (*convolution)(stream* on, const convolution_call& call);
  status (*convolution_slopes)(stream* on, const convolution_slopes_call& call);
  status (*embedding)(stream* on, const embedding_call& call);
  status (*embedding_slopes)(stream* on, const embedding_slopes_call& call);
  status (*attention)(stream* on, const attention_call& call);
  status (*attention_slopes)(stream* on, const attention_slopes_call& call);
};

} // namespace lagrange::ops::cuda

extern "C" {
/// The module's only entry point: lagrange_cuda_entry_point.
__attribute__((visibility("default"))) const lagrange::ops::cuda::backend*
lagrange_cuda_entry_point();
}
