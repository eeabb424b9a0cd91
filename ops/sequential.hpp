/// \file
/// A network whose layers follow one another, ending in logits. Parameters lie flat in the order of
/// the layers; the backward pass goes from the last layer to the first and writes each layer's
/// gradient straight into its place.
#pragma once

#include "ops/layer.hpp"

#include <vector>

namespace lagrange::ops {

class sequential final : public network {
public:
  /// Shapes: `sample` is one input without the batch, as in [H, W, C].
  explicit sequential(const shape& sample) : sample_(sample) {}

  /// Appends a layer; its parameters are called "<name>.weight" and so on.
  /// Requires: next->input() has as many elements as output().
  void add(const std::string& name, std::unique_ptr<layer> next);

  /// Shape of one sample after the last layer.
  const shape& output() const { return layers_.empty() ? sample_ : layers_.back().what->output(); }

  std::span<const parameter_spec> parameters() const override { return parameters_; }
  /// Cost: allocates only for a batch larger than all before, or of a new size.
  float forward_backward(std::span<const float> parameters, const tensor& inputs,
                         std::span<const std::int32_t> labels,
                         std::span<float> d_parameters) override;
  scores evaluate(std::span<const float> parameters, const tensor& inputs,
                  std::span<const std::int32_t> labels) override;

private:
  struct placed_layer {
    std::unique_ptr<layer> what;
    std::size_t first = 0; ///< of its parameters
    std::size_t count = 0;
    tensor y; ///< f32 [B or more, output]
  };

  void check(std::span<const float> parameters, const tensor& inputs,
             std::span<const std::int32_t> labels) const;
  void reserve(std::int64_t batch);
  /// Returns the logits.
  std::span<const float> forward(std::span<const float> parameters, std::span<const float> inputs,
                                 std::int64_t batch);
  void backward(std::span<const float> parameters, std::span<const float> inputs,
                std::int64_t batch, std::span<float> d_parameters);

  shape sample_;
  std::vector<placed_layer> layers_;
  std::vector<parameter_spec> parameters_;
  std::int64_t elements_ = 0;
  std::int64_t batch_max_ = 0;
  tensor d_now_, d_next_; ///< gradients of the activations on both sides of a layer
};

} // namespace lagrange::ops
