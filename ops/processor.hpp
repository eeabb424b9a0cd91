/// \file
/// What a tape computes on: where its memory lies, who makes its operations, and how numbers get
/// there and back. The CPU is one (host_processor); cuda/stream_processor.hpp is another, which
/// works while its caller goes on.
#pragma once

#include "ops/operation.hpp"

#include <memory>
#include <span>

namespace lagrange::ops {

/// Used by one thread at a time. Views that it takes and gives, but for those said to be of the
/// host, are of its own memory. It must outlive the tapes and operations that compute on it.
class processor {
public:
  virtual ~processor() = default;

  /// A new step: what was brought and promised before is over.
  virtual void begin() = 0;
  /// Uninitialised bytes. Errors: throws device_error when they are not to be had.
  virtual tensor memory(std::size_t size_bytes) = 0;
  /// The operation of that name; `on_host` makes the one of the CPU.
  /// Errors: throws std::invalid_argument if this processor has none.
  virtual std::unique_ptr<operation> make(const operation_site& at, operation_maker on_host) = 0;
  /// Whether operations read and write elements of this 16-bit type as they are; if not, the tape
  /// gives them f32.
  virtual bool computes_in(dtype half) const = 0;

  /// Data of the host where operations read it, for the step. Integers stay on the host:
  /// operations read them there.
  virtual view brought(const view& host) = 0;
  /// Where a gradient is to be written that is wanted in `host` when finish() returns.
  virtual view gradient(std::span<float> host) = 0;
  /// A single number as it is now; to be read when finish() has returned, until begin().
  virtual const float& promised(const view& number) = 0;
  /// What was given to it is done, and on the host what was wanted there.
  virtual void finish() = 0;
  /// Whether gradients are on the host only after finish().
  virtual bool is_deferred() const = 0;
  /// On the host, in f32 if it was of 16 bits elsewhere, until the next operation. Waits.
  virtual view readable(const view& x) = 0;

  /// y = x, rounded where y is narrower. Shapes: x, y alike.
  virtual void convert(const view& x, const view& y) = 0;
  /// y += x. Shapes: x, y alike.
  virtual void add(const view& x, const view& y) = 0;
  /// Every element of y, in f32. Requires: value is 0, or y a single number.
  virtual void fill(const view& y, float value) = 0;
};

/// The CPU, with oneDNN's kernels for 16-bit operands where those are faster than f32.
std::unique_ptr<processor> host_processor();
/// The CPU with these kernels.
std::unique_ptr<processor> host_processor(std::unique_ptr<const half_kernels> kernels);

} // namespace lagrange::ops
