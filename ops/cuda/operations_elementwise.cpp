// Functions of each element for itself, and softmax.
#include "ops/cuda/operations.hpp"
#include "ops/cuda/row_calls.hpp"

namespace lagrange::ops::cuda {

namespace {

template <activation f>
class curve_operation final : public operation {
public:
  curve_operation(device_stream& on, const operation_site&) : on_(on) {}
  void forward(const forward_pass& pass) override {
    const typed_operand x(on_, pass.x[0], pass.y.type);
    on_.run(&backend::activate, {f, pass.y.type, count_of(pass.y), x.data(), pass.y.data});
  }
  void backward(const backward_pass& pass) override {
    const auto& d = pass.d_y;
    const typed_operand x(on_, keeps_x ? pass.x[0] : pass.y, d.type);
    on_.run(&backend::activation_slopes, {f, d.type, count_of(d), x.data(), d.data, d.data});
  }
  bool passes_gradient() const override { return true; }

private:
  static constexpr bool keeps_x = f == activation::gelu || f == activation::silu;
  device_stream& on_;
};

class add_operation final : public operation {
public:
  add_operation(device_stream& on, const operation_site& at)
      : on_(on), is_relu_(number(at, 0) != 0) {}
  void forward(const forward_pass& pass) override {
    const auto& y = pass.y;
    const typed_operand a(on_, pass.x[0], y.type), b(on_, pass.x[1], y.type);
    on_.run(&backend::add, {y.type, count_of(y), a.data(), b.data(), y.data});
    if (is_relu_)
      on_.run(&backend::activate, {activation::relu, y.type, count_of(y), y.data, y.data});
  }
  void backward(const backward_pass& pass) override {
    if (is_relu_) relu_slopes(on_, pass.y, pass.d_y);
  }
  bool passes_gradient() const override { return true; }

private:
  device_stream& on_;
  bool is_relu_;
};

class multiply_operation final : public operation {
public:
  multiply_operation(device_stream& on, const operation_site&) : on_(on) {}
  void forward(const forward_pass& pass) override { write(pass.x[0], pass.x[1], pass.y); }
  void backward(const backward_pass& pass) override {
    for (std::size_t i = 0; i < 2; ++i)
      if (!pass.d_x[i].empty()) write(pass.d_y, pass.x[1 - i], pass.d_x[i]);
  }

private:
  void write(const view& a, const view& b, const view& y) {
    const typed_operand left(on_, a, y.type), right(on_, b, y.type);
    on_.run(&backend::multiply, {y.type, count_of(y), left.data(), right.data(), y.data});
  }
  device_stream& on_;
};

class scale_operation final : public operation {
public:
  scale_operation(device_stream& on, const operation_site& at)
      : on_(on), by_(static_cast<float>(at.key.numbers[0])) {}
  void forward(const forward_pass& pass) override { write(pass.x[0], pass.y); }
  void backward(const backward_pass& pass) override { write(pass.d_y, pass.d_y); }
  bool passes_gradient() const override { return true; }

private:
  void write(const view& from, const view& y) {
    const typed_operand x(on_, from, y.type);
    on_.run(&backend::scale, {y.type, count_of(y), by_, x.data(), y.data});
  }
  device_stream& on_;
  float by_;
};

class dropout_operation final : public operation {
public:
  dropout_operation(device_stream& on, const operation_site& at)
      : on_(on), share_(static_cast<float>(at.key.numbers[0])) {}
  void forward(const forward_pass& pass) override { write(pass.key, pass.x[0], pass.y); }
  void backward(const backward_pass& pass) override { write(pass.key, pass.d_y, pass.d_y); }
  bool passes_gradient() const override { return true; }

private:
  void write(std::uint64_t key, const view& from, const view& y) {
    const typed_operand x(on_, from, y.type);
    on_.run(&backend::dropout, {y.type, count_of(y), share_, key, 0, 0, x.data(), y.data});
  }
  device_stream& on_;
  float share_;
};

class softmax_operation final : public operation {
public:
  softmax_operation(device_stream& on, const operation_site& at)
      : on_(on), columns_(at.y[at.y.rank() - 1]) {}
  void forward(const forward_pass& pass) override {
    const auto& y = pass.y;
    const typed_operand x(on_, pass.x[0], y.type);
    on_.run(&backend::softmax,
            {y.type, rows_of(y, columns_), columns_, 1, mask::none, x.data(), y.data});
  }
  void backward(const backward_pass& pass) override {
    const auto& d = pass.d_y;
    on_.run(&backend::softmax_slopes,
            {d.type, rows_of(d, columns_), columns_, 1, mask::none, pass.y.data, d.data, d.data});
  }
  bool passes_gradient() const override { return true; }

private:
  device_stream& on_;
  std::int64_t columns_;
};

constexpr operation_row rows[] = {
    {"relu", make_one<curve_operation<activation::relu>>},
    {"gelu", make_one<curve_operation<activation::gelu>>},
    {"silu", make_one<curve_operation<activation::silu>>},
    {"tanh", make_one<curve_operation<activation::tanh>>},
    {"sigmoid", make_one<curve_operation<activation::sigmoid>>},
    {"add", make_one<add_operation>},
    {"multiply", make_one<multiply_operation>},
    {"scale", make_one<scale_operation>},
    {"dropout", make_one<dropout_operation>},
    {"softmax", make_one<softmax_operation>},
};

} // namespace

std::span<const operation_row> elementwise_operations() { return rows; }

} // namespace lagrange::ops::cuda
