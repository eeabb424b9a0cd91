#include "bench/device/steps.hpp"

#include "ops/random.hpp"

#include <algorithm>

namespace lagrange::bench {

using namespace ops;

namespace {

constexpr std::int64_t symbols = 96, classes = 10;

model_input input_of(const step_size& size) {
  if (size.model == "resnet20") return {{32, 32, 3}, classes};
  if (size.model == "gpt") return {{size.context}, symbols, sample_kind::tokens, {symbols, 0}};
  return {{28, 28, 1}, classes};
}

tensor drawn(const model_input& input, std::int64_t batch) {
  std::vector<std::int64_t> extents{batch};
  const auto sample = input.extents.extents();
  extents.insert(extents.end(), sample.begin(), sample.end());
  const random_sequence numbers(1, 0);
  if (input.kind == sample_kind::tokens) {
    tensor made(dtype::i32, shape(extents));
    for (std::size_t i = 0; auto& value : made.values<std::int32_t>())
      value = static_cast<std::int32_t>(numbers.bits(i++) % symbols);
    return made;
  }
  tensor made(dtype::f32, shape(extents));
  for (std::size_t i = 0; auto& value : made.values<float>()) value = numbers.unit(i++);
  return made;
}

} // namespace

device_step::device_step(const step_size& size, device where, dtype precision) {
  const auto input = input_of(size);
  net_ = std::ranges::find(models(), size.model, &model_row::name)->make(input, size.settings);
  net_->compute_in(precision);
  net_->compute_on(make_processor(where));
  const auto specs = net_->parameters();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    std::vector<float> part(static_cast<std::size_t>(specs[i].extents.elements()));
    initialise(specs[i], 1, i, 0, part);
    parameters_.insert(parameters_.end(), part.begin(), part.end());
  }
  gradient_.resize(parameters_.size());
  inputs_ = drawn(input, size.batch);
  labels_.resize(static_cast<std::size_t>(input.kind == sample_kind::tokens ? inputs_.elements()
                                                                            : size.batch));
  for (std::size_t i = 0; auto& label : labels_)
    label = static_cast<std::int32_t>(i++ % static_cast<std::size_t>(input.classes));
}

float device_step::run() {
  return net_->train(
      {.parameters = parameters_, .inputs = inputs_, .labels = labels_, .d_parameters = gradient_});
}

} // namespace lagrange::bench
