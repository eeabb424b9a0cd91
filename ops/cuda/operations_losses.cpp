// Losses. The way forward computes the gradient as well, in f32 whatever the storage: it is scaled
// against underflow on the way back only.
#include "ops/cuda/operations.hpp"
#include "ops/cuda/row_calls.hpp"
#include "ops/loss.hpp"

#include <vector>

namespace lagrange::ops::cuda {

namespace {

/// What the losses share: d_x of a loss of 1, kept on the device.
class loss_operation : public operation {
public:
  loss_operation(device_stream& on, const operation_site& at)
      : on_(on), d_(on.memory(static_cast<std::size_t>(at.x[0].elements()) * sizeof(float))) {}

  void backward(const backward_pass& pass) override { write(pass.d_y, pass.d_x[0], 1); }

protected:
  device_stream& on() { return on_; }
  float* d() { return reinterpret_cast<float*>(d_.bytes()); }
  void write(const view& d_y, const view& d_x, float sign) {
    if (d_x.empty()) return;
    typed_result scaled(on_, d_x, dtype::f32);
    scale_by(on_, d(), count_of(d_x), d_y, scaled.floats());
    if (sign != 1)
      on_.run(&backend::scale, {dtype::f32, count_of(d_x), sign, scaled.data(), scaled.data()});
    scaled.store();
  }

private:
  device_stream& on_;
  tensor d_;
};

// Operands: logits, labels.
class cross_entropy_operation final : public loss_operation {
public:
  cross_entropy_operation(device_stream& on, const operation_site& at)
      : loss_operation(on, at), smoothing_(static_cast<float>(at.key.numbers[0])) {}

  void forward(const forward_pass& pass) override {
    const auto labels = pass.x[1].values<const std::int32_t>();
    const auto classes = expect_labels(pass.x[0].count, labels);
    const typed_operand logits(on(), pass.x[0], dtype::f32);
    on().run(&backend::cross_entropy,
             cross_entropy_call{dtype::f32, std::ssize(labels), classes, smoothing_,
                                1 / static_cast<float>(labels.size()), logits.data(),
                                on().bring_up(labels), static_cast<float*>(pass.y.data), nullptr,
                                d()});
  }

private:
  float smoothing_;
};

// Operands: logits, labels.
class binary_operation final : public loss_operation {
public:
  binary_operation(device_stream& on, const operation_site& at)
      : loss_operation(on, at), targets_(static_cast<std::size_t>(at.x[0].elements())) {}

  void forward(const forward_pass& pass) override {
    const auto labels = pass.x[1].values<const std::int32_t>();
    expect_binary_labels(pass.x[0].count, labels);
    targets_.assign(labels.begin(), labels.end());
    const typed_operand logits(on(), pass.x[0], dtype::f32);
    on().run(&backend::binary_cross_entropy,
             pointwise_loss_call{dtype::f32, std::ssize(labels),
                                 1 / static_cast<float>(labels.size()), logits.data(),
                                 on().bring_up(std::span<const float>(targets_)),
                                 static_cast<float*>(pass.y.data), d()});
  }

private:
  std::vector<float> targets_;
};

// Operands: x, target.
class squared_operation final : public loss_operation {
public:
  squared_operation(device_stream& made_on, const operation_site& at)
      : loss_operation(made_on, at) {}

  void forward(const forward_pass& pass) override {
    const auto count = count_of(pass.x[0]);
    const typed_operand x(on(), pass.x[0], dtype::f32), target(on(), pass.x[1], dtype::f32);
    on().run(&backend::squared_error,
             pointwise_loss_call{dtype::f32, count, 1 / static_cast<float>(count), x.data(),
                                 target.floats(), static_cast<float*>(pass.y.data), d()});
  }
  void backward(const backward_pass& pass) override {
    write(pass.d_y, pass.d_x[0], 1);
    write(pass.d_y, pass.d_x[1], -1);
  }
};

constexpr operation_row rows[] = {
    {"softmax_cross_entropy", make_one<cross_entropy_operation>},
    {"binary_cross_entropy", make_one<binary_operation>},
    {"mean_squared_error", make_one<squared_operation>},
};

} // namespace

std::span<const operation_row> loss_operations() { return rows; }

} // namespace lagrange::ops::cuda
