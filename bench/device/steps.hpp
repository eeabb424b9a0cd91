/// \file
/// A worker's step on a device, on synthetic data of the right shapes: parameters and samples come
/// from the host's memory, loss and gradients go back there.
#pragma once

#include "ops/devices.hpp"
#include "ops/models.hpp"

#include <memory>
#include <string>
#include <vector>

namespace lagrange::bench {

struct step_size {
  std::string model;
  std::int64_t batch = 64;
  std::int64_t context = 128; ///< tokens of a sample of gpt
  ops::model_settings settings = {};
};

class device_step {
public:
  /// Errors: throws device_error if the device is not to be had.
  device_step(const step_size& size, ops::device where, ops::dtype precision);
  /// Forward and backward. Returns the mean loss.
  float run();
  const std::vector<float>& gradient() const { return gradient_; }

private:
  std::unique_ptr<ops::network> net_;
  std::vector<float> parameters_, gradient_;
  ops::tensor inputs_;
  std::vector<std::int32_t> labels_;
};

} // namespace lagrange::bench
