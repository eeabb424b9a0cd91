/// \file
/// The steps that a worker takes by itself between a pull and a push, under `staleness.local_steps`
/// or an outer rule. A part of computation. Its optimizer's state lasts as long as the worker's
/// life, and with an elastic rule its own parameters do.
///
/// Papers: Stich 2019 (local SGD), Zhang, Choromanska, LeCun 2015 (elastic averaging).
#pragma once

#include "ops/network.hpp"
#include "ops/optimizer.hpp"
#include "runtime/schedule.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace lagrange::runtime {

struct local_options {
  std::uint32_t batch = 1;                   ///< samples of one step
  std::unique_ptr<ops::optimizer> optimizer; ///< for all parameters, as one
  rate_plan rate;                            ///< by the samples in what was pulled, and own ones
  float elasticity = 0;                      ///< as in outer_rule
};

class local_steps {
public:
  /// Requires: an optimizer for as many elements as these parameters have, and no table.
  local_steps(local_options options, std::span<const ops::parameter_spec> specs);

  std::uint32_t batch() const { return options_.batch; }
  /// Begins a lease with what was pulled, in which there are so many samples. Leaves in
  /// `parameters` what its first step starts from. Shapes: parameters [N].
  void begin(std::span<float> parameters, std::uint64_t samples);
  /// One step; statistics go a tenth of their way, as at a shard. Shapes: both [N].
  void step(std::span<float> parameters, std::span<const float> gradient, float scale,
            std::uint64_t samples);
  /// What is pushed: what was read less what the steps came to. Shapes: both [N].
  void end(std::span<const float> parameters, std::span<float> delta);

private:
  /// A tensor among all parameters.
  struct place {
    std::size_t first, elements;
    bool is_weight;
  };
  local_options options_;
  std::vector<place> tensors_;
  std::vector<float> pulled_;
  std::vector<float> own_; ///< of an elastic rule; empty before the first lease
  std::uint64_t samples_ = 0;
};

} // namespace lagrange::runtime
