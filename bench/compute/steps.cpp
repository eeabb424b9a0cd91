#include "bench/compute/steps.hpp"

#include "ops/functions.hpp"
#include "ops/models.hpp"
#include "ops/optimizer.hpp"
#include "ops/processor.hpp"
#include "ops/product.hpp"
#include "ops/random.hpp"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace lagrange::bench {

using namespace ops;

namespace {

constexpr std::int64_t context = 128, symbols = 96, classes = 10;

model_input input_of(const std::string& model) {
  if (model == "resnet20") return {{32, 32, 3}, classes};
  if (model == "gpt") return {{context}, symbols, sample_kind::tokens, {symbols, 0}};
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

struct training {
  std::unique_ptr<network> net;
  std::unique_ptr<optimizer> steps;
  std::vector<float> parameters, gradient;
  tensor inputs;
  std::vector<std::int32_t> labels;
};

// Two layers, so that the second has all three products.
struct layer_step {
  layer_step(std::int64_t size, dtype precision, half_products which)
      : extents{size, size}, where(host_processor(onednn_half_kernels(which))),
        on(pass_mode::training, precision, *where),
        values(static_cast<std::size_t>(size * size), 0.001F), gradient(values) {}
  void run() {
    on.begin(0);
    const auto x = on.constant(extents, {dtype::f32, values.data(), values.size()});
    const auto w = on.parameter(extents, values, gradient, 0);
    const auto y = linear(linear(x, w), w);
    on.backward(softmax_cross_entropy(
        y, on.constant({extents[0]}, {dtype::i32, labels.data(), labels.size()})));
  }
  shape extents;
  std::unique_ptr<processor> where;
  tape on;
  std::vector<float> values, gradient;
  std::vector<std::int32_t> labels =
      std::vector<std::int32_t>(static_cast<std::size_t>(extents[0]));
};

} // namespace

std::function<void()> training_step(const std::string& model, std::int64_t batch, dtype precision,
                                    half_products which) {
  const auto input = input_of(model);
  auto made = std::make_shared<training>();
  made->net = std::ranges::find(models(), model, &model_row::name)->make(input);
  made->net->compute_in(precision);
  made->net->compute_on(host_processor(onednn_half_kernels(which)));
  const auto specs = made->net->parameters();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    std::vector<float> part(static_cast<std::size_t>(specs[i].extents.elements()));
    initialise(specs[i], 1, i, 0, part);
    made->parameters.insert(made->parameters.end(), part.begin(), part.end());
  }
  made->gradient.resize(made->parameters.size());
  const std::string_view steps = model == "gpt" ? "adamw" : "sgd";
  made->steps = std::ranges::find(optimizers(), steps, &optimizer_row::name)
                    ->make(made->parameters.size(), {.rate = 0.001F});
  made->inputs = drawn(input, batch);
  made->labels.resize(static_cast<std::size_t>(model == "gpt" ? made->inputs.elements() : batch));
  for (std::size_t i = 0; auto& label : made->labels)
    label = static_cast<std::int32_t>(i++ % static_cast<std::size_t>(input.classes));
  return [made] {
    made->net->train({.parameters = made->parameters,
                      .inputs = made->inputs,
                      .labels = made->labels,
                      .d_parameters = made->gradient});
    made->steps->step(made->parameters, made->gradient, 1);
  };
}

bool has_half_products(half_products which) {
  return onednn_half_kernels(which)->make(half_product{.sizes = {64, 64, 64}, .how = {}}) !=
         nullptr;
}

std::function<void()> linear_step(std::int64_t size, dtype precision, half_products which) {
  const auto made = std::make_shared<layer_step>(size, precision, which);
  return [made] { made->run(); };
}

std::function<void()> our_product(std::int64_t size) {
  const std::vector<float> operand(static_cast<std::size_t>(size * size), 0.5F);
  auto made = std::make_shared<product>(product_sizes{size, size, size});
  return [made, operand, y = operand]() mutable { made->run(operand, operand, {}, y); };
}

std::function<void()> bare_product(std::int64_t size) {
  const std::vector<float> operand(static_cast<std::size_t>(size * size), 0.5F);
  return [size, operand, y = operand]() mutable {
    dnnl_sgemm('N', 'N', size, size, size, 1, operand.data(), size, operand.data(), size, 0,
               y.data(), size);
  };
}

} // namespace lagrange::bench
