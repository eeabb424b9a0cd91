#include "ops/sequential.hpp"

#include "ops/loss.hpp"

#include <algorithm>
#include <utility>

namespace lagrange::ops {

namespace {

template <class Tensor>
auto rows(Tensor& of, std::int64_t batch, const shape& sample) {
  return of.template values<float>().first(static_cast<std::size_t>(batch * sample.elements()));
}

} // namespace

void sequential::add(const std::string& name, std::unique_ptr<layer> next) {
  LAGRANGE_EXPECT(next->input().elements() == output().elements(),
                  name + " takes " + to_string(next->input()) + " and follows " +
                      to_string(output()));
  const auto specs = next->parameters();
  const auto count = parameter_elements(specs);
  for (const auto& spec : specs) {
    parameters_.push_back(spec);
    parameters_.back().name = name + "." + spec.name;
  }
  layers_.push_back({std::move(next), static_cast<std::size_t>(elements_),
                     static_cast<std::size_t>(count), tensor{}});
  elements_ += count;
  batch_max_ = 0;
}

void sequential::check(std::span<const float> parameters, const tensor& inputs,
                       std::span<const std::int32_t> labels) const {
  LAGRANGE_EXPECT(!layers_.empty(), "a network without a layer");
  LAGRANGE_EXPECT(std::ssize(parameters) == elements_, std::to_string(parameters.size()) +
                                                           " parameters where the network has " +
                                                           std::to_string(elements_));
  const auto extents = inputs.extents().extents();
  LAGRANGE_EXPECT(!labels.empty() && !extents.empty() && extents[0] == std::ssize(labels) &&
                      std::ranges::equal(extents.subspan(1), sample_.extents()),
                  "inputs " + to_string(inputs.extents()) + " with " +
                      std::to_string(labels.size()) + " labels where one sample is " +
                      to_string(sample_));
}

void sequential::reserve(std::int64_t batch) {
  if (batch <= batch_max_) return;
  auto largest = std::int64_t{0};
  for (auto& each : layers_) {
    const auto elements = each.what->output().elements();
    largest = std::max(largest, elements);
    each.y = tensor(dtype::f32, {batch, elements});
  }
  d_now_ = tensor(dtype::f32, {batch, largest});
  d_next_ = tensor(dtype::f32, {batch, largest});
  batch_max_ = batch;
}

std::span<const float> sequential::forward(std::span<const float> parameters,
                                           std::span<const float> inputs, std::int64_t batch) {
  reserve(batch);
  std::span<const float> x = inputs;
  for (auto& each : layers_) {
    const auto y = rows(each.y, batch, each.what->output());
    each.what->forward(
        {.batch = batch, .parameters = parameters.subspan(each.first, each.count), .x = x, .y = y});
    x = y;
  }
  return x;
}

void sequential::backward(std::span<const float> parameters, std::span<const float> inputs,
                          std::int64_t batch, std::span<float> d_parameters) {
  for (std::size_t i = layers_.size(); i-- > 0;) {
    auto& each = layers_[i];
    const bool is_first = i == 0;
    std::span<const float> x = inputs;
    if (!is_first) x = rows(layers_[i - 1].y, batch, each.what->input());
    std::span<float> d_x; // nobody wants the gradient of the data
    if (!is_first) d_x = rows(d_next_, batch, each.what->input());
    each.what->backward({.batch = batch,
                         .parameters = parameters.subspan(each.first, each.count),
                         .x = x,
                         .y = rows(each.y, batch, each.what->output()),
                         .d_y = rows(d_now_, batch, each.what->output()),
                         .d_x = d_x,
                         .d_parameters = d_parameters.subspan(each.first, each.count)});
    std::swap(d_now_, d_next_);
  }
}

float sequential::forward_backward(std::span<const float> parameters, const tensor& inputs,
                                   std::span<const std::int32_t> labels,
                                   std::span<float> d_parameters) {
  check(parameters, inputs, labels);
  LAGRANGE_EXPECT(d_parameters.size() == parameters.size(),
                  std::to_string(d_parameters.size()) + " gradients for " +
                      std::to_string(parameters.size()) + " parameters");
  const auto batch = std::ssize(labels);
  const auto x = inputs.values<float>();
  const auto logits = forward(parameters, x, batch);
  const float loss = softmax_cross_entropy(logits, labels, rows(d_now_, batch, output()));
  backward(parameters, x, batch, d_parameters);
  return loss;
}

scores sequential::evaluate(std::span<const float> parameters, const tensor& inputs,
                            std::span<const std::int32_t> labels) {
  check(parameters, inputs, labels);
  return softmax_cross_entropy_scores(
      forward(parameters, inputs.values<float>(), std::ssize(labels)), labels);
}

} // namespace lagrange::ops
