/// \file
/// A layer: one differentiable function from samples to samples. Layers know the shape of one
/// sample when they are made; the batch may change from call to call. They own primitives and
/// scratch memory, never parameters or activations: those are passed in, so that a network lays
/// them out.
#pragma once

#include "ops/network.hpp"

#include <memory>

namespace lagrange::ops {

/// What a layer reads and writes on its way forward.
/// Shapes: x [B, input], parameters [N], y [B, output], all row-major, images as [B, H, W, C].
struct forward_pass {
  std::int64_t batch = 0;
  std::span<const float> parameters;
  std::span<const float> x;
  std::span<float> y;
};

/// What a layer reads and writes on its way back. `x` and `y` are those of the last forward pass.
/// Shapes: as forward, d_x like x, d_y like y, d_parameters like parameters.
struct backward_pass {
  std::int64_t batch = 0;
  std::span<const float> parameters;
  std::span<const float> x;
  std::span<const float> y;
  std::span<float> d_y;          ///< in; the layer may use it as scratch
  std::span<float> d_x;          ///< out, overwritten; empty: nobody wants it
  std::span<float> d_parameters; ///< out, overwritten
};

/// What is done to every element of a layer's result; part of the layer so that it costs no pass
/// over memory of its own.
enum class activation : std::uint8_t { none, relu };

/// Used by one thread at a time.
class layer {
public:
  virtual ~layer() = default;
  /// In the order in which their elements lie in `parameters`; empty for most layers.
  virtual std::span<const parameter_spec> parameters() const { return {}; }
  /// Shape of one sample, before.
  virtual const shape& input() const = 0;
  /// Shape of one sample, after.
  virtual const shape& output() const = 0;
  /// Requires: spans of the sizes that batch and shapes say.
  virtual void forward(const forward_pass& pass) = 0;
  /// Requires: forward() with the same batch, x and y came last.
  virtual void backward(const backward_pass& pass) = 0;
};

} // namespace lagrange::ops
