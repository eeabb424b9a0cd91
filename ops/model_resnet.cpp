// Paper: He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition (2016), section 4.2,
// with shortcuts of option A: 269,722 parameters to learn for 32x32x3 and 10 classes.
#include "ops/layers.hpp"
#include "ops/model.hpp"
#include "ops/model_makers.hpp"

#include <stdexcept>

namespace lagrange::ops {

namespace {

// Two convolutions of 3x3 with batch norm around a shortcut.
std::unique_ptr<layer> block(std::int64_t channels, std::int64_t stride) {
  const auto convolved = [&](std::int64_t by) {
    return convolution(
        {.outputs = channels, .kernel = 3, .stride = by, .padding = 1, .has_bias = false});
  };
  auto inner = std::make_unique<sequential>();
  inner->add("conv1", convolved(stride))
      .add("norm1", batch_norm({.after = activation::relu}))
      .add("conv2", convolved(1))
      .add("norm2", batch_norm());
  return residual(std::move(inner), stride == 1 ? nullptr : subsample(stride, channels),
                  activation::relu);
}

} // namespace

std::unique_ptr<network> make_resnet20(const model_input& input, const model_settings&) {
  if (input.classes < 2)
    throw std::invalid_argument("model resnet20 needs at least 2 classes, not " +
                                std::to_string(input.classes));
  constexpr std::int64_t side_min = 4; // two halvings, and a pixel is left
  if (input.extents.rank() != 3 || input.extents[0] < side_min || input.extents[1] < side_min)
    throw std::invalid_argument(
        "model resnet20 needs images [H, W, C] of at least 4x4 pixels, not " +
        to_string(input.extents));
  auto body = std::make_unique<sequential>();
  body->add("conv", convolution({.outputs = 16, .kernel = 3, .padding = 1, .has_bias = false}))
      .add("norm", batch_norm({.after = activation::relu}));
  for (std::int64_t stage = 0; stage < 3; ++stage)
    for (std::int64_t i = 0; i < 3; ++i)
      body->add("block" + std::to_string(3 * stage + i + 1),
                block(std::int64_t{16} << stage, stage > 0 && i == 0 ? 2 : 1));
  body->add("pool", global_average_pool()).add("linear", linear(input.classes));
  return make_classifier(std::move(body), input.extents);
}

} // namespace lagrange::ops
