#include "ops/elementwise.hpp"
#include "ops/layers.hpp"
#include "ops/product.hpp"

#include <array>
#include <cmath>
#include <stdexcept>

namespace lagrange::ops {

namespace {

class linear_layer final : public layer {
public:
  linear_layer(const shape& sample, std::int64_t outputs, activation after)
      : input_(sample), output_{outputs}, after_(after), inputs_(sample.elements()) {
    const initialiser start{initialiser::kind_type::uniform,
                            1 / std::sqrt(static_cast<float>(inputs_))};
    parameters_ = {parameter_spec{"weight", {inputs_, outputs}, start},
                   parameter_spec{"bias", {outputs}, start}};
  }

  std::span<const parameter_spec> parameters() const override { return parameters_; }
  const shape& input() const override { return input_; }
  const shape& output() const override { return output_; }

  void forward(const forward_pass& pass) override {
    plan(pass.batch).y.run(pass.x, weight(pass.parameters), bias(pass.parameters), pass.y);
  }

  void backward(const backward_pass& pass) override {
    auto& made = plan(pass.batch);
    if (after_ == activation::relu) relu_backward(pass.y, pass.d_y);
    made.d_weight.run(pass.x, pass.d_y, {}, weight(pass.d_parameters));
    sum_rows(pass.d_y, bias(pass.d_parameters));
    if (!pass.d_x.empty()) made.d_x.run(pass.d_y, weight(pass.parameters), {}, pass.d_x);
  }

private:
  struct products {
    product y, d_weight, d_x;
  };

  products& plan(std::int64_t batch) {
    return plans_.at(batch, [&] {
      const auto outputs = output_[0];
      return std::make_unique<products>(
          products{product({batch, inputs_, outputs},
                           {.bias = product_options::bias_type::row, .after = after_}),
                   product({inputs_, batch, outputs}, {.a = operand::transposed}),
                   product({batch, outputs, inputs_}, {.b = operand::transposed})});
    });
  }

  template <class T>
  std::span<T> weight(std::span<T> flat) const {
    return flat.first(static_cast<std::size_t>(inputs_ * output_[0]));
  }
  template <class T>
  std::span<T> bias(std::span<T> flat) const {
    return flat.last(static_cast<std::size_t>(output_[0]));
  }

  shape input_, output_;
  activation after_;
  std::int64_t inputs_;
  std::array<parameter_spec, 2> parameters_;
  plan_cache<products> plans_;
};

} // namespace

std::unique_ptr<layer> linear(const shape& sample, std::int64_t outputs, activation after) {
  if (sample.elements() < 1 || outputs < 1)
    throw std::invalid_argument("a linear layer from " + to_string(sample) + " to " +
                                std::to_string(outputs) + " numbers: both sides need at least one");
  return std::make_unique<linear_layer>(sample, outputs, after);
}

} // namespace lagrange::ops
