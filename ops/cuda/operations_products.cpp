// Linear layers, convolutions and attention.
#include "ops/cuda/image_calls.hpp"
#include "ops/cuda/operations.hpp"
#include "ops/cuda/row_calls.hpp"

namespace lagrange::ops::cuda {

namespace {

// Operands: x, w, and b if there is one.
class linear_operation final : public operation {
public:
  linear_operation(device_stream& on, const operation_site& at)
      : on_(on), is_relu_(number(at, 0) != 0), inner_(at.x[1][0]), columns_(at.x[1][1]),
        rows_(at.y.elements() / columns_) {}

  void forward(const forward_pass& pass) override {
    const auto& y = pass.y;
    const typed_operand x(on_, pass.x[0], y.type), w(on_, pass.x[1], y.type);
    on_.run(&backend::product, product_call{.type = y.type,
                                            .y_type = y.type,
                                            .rows = rows_,
                                            .inner = inner_,
                                            .columns = columns_,
                                            .a = {.at = x.data()},
                                            .b = {.at = w.data()},
                                            .y = y.data});
    if (pass.x.size() < 3) return;
    const typed_operand b(on_, pass.x[2], dtype::f32);
    on_.run(&backend::add_bias, {is_relu_ ? activation::relu : activation::identity, y.type, rows_,
                                 columns_, y.data, b.floats(), nullptr, y.data});
  }

  void backward(const backward_pass& pass) override {
    const auto& d_y = pass.d_y;
    if (is_relu_) relu_slopes(on_, pass.y, d_y);
    if (!pass.d_x[1].empty()) write_d_w(pass);
    if (pass.x.size() == 3 && !pass.d_x[2].empty()) {
      typed_result d_b(on_, pass.d_x[2], dtype::f32);
      on_.run(&backend::sum_rows, {d_y.type, rows_, columns_, d_y.data, d_b.floats()});
      d_b.store();
    }
    if (!pass.d_x[0].empty()) write_d_x(pass);
  }

private:
  void write_d_w(const backward_pass& pass) {
    const auto& d_y = pass.d_y;
    const typed_operand x(on_, pass.x[0], d_y.type);
    on_.run(&backend::product, product_call{.type = d_y.type,
                                            .y_type = pass.d_x[1].type,
                                            .rows = inner_,
                                            .inner = rows_,
                                            .columns = columns_,
                                            .a = {.at = x.data(), .how = lies::transposed},
                                            .b = {.at = d_y.data},
                                            .y = pass.d_x[1].data});
  }
  void write_d_x(const backward_pass& pass) {
    const auto& d_y = pass.d_y;
    const typed_operand w(on_, pass.x[1], d_y.type);
    on_.run(&backend::product, product_call{.type = d_y.type,
                                            .y_type = pass.d_x[0].type,
                                            .rows = rows_,
                                            .inner = columns_,
                                            .columns = inner_,
                                            .a = {.at = d_y.data},
                                            .b = {.at = w.data(), .how = lies::transposed},
                                            .y = pass.d_x[0].data});
  }

  device_stream& on_;
  bool is_relu_;
  std::int64_t inner_, columns_, rows_;
};

// Operands: x, w, and b if there is one.
class convolution_operation final : public operation {
public:
  convolution_operation(device_stream& on, const operation_site& at)
      : on_(on), at_{static_cast<int>(at.x[0][0]),    static_cast<int>(at.x[0][1]),
                     static_cast<int>(at.x[0][2]),    static_cast<int>(at.x[0][3]),
                     static_cast<int>(number(at, 0)), static_cast<int>(number(at, 1)),
                     static_cast<int>(number(at, 2))},
        groups_(static_cast<int>(number(at, 3))), outputs_(static_cast<int>(at.y[3])),
        is_relu_(number(at, 4) != 0) {}

  void forward(const forward_pass& pass) override {
    const auto& y = pass.y;
    const typed_operand x(on_, pass.x[0], y.type), w(on_, pass.x[1], y.type),
        b(on_, pass.x.size() == 3 ? pass.x[2] : view(), dtype::f32);
    on_.run(&backend::convolution,
            {y.type, at_, groups_, outputs_, x.data(), w.data(), b.floats(),
             is_relu_ ? activation::relu : activation::identity, nullptr, y.data});
  }

  void backward(const backward_pass& pass) override {
    const auto& d_y = pass.d_y;
    if (is_relu_) relu_slopes(on_, pass.y, d_y);
    const typed_operand x(on_, pass.x[0], d_y.type), w(on_, pass.x[1], d_y.type);
    typed_result d_x(on_, pass.d_x[0], d_y.type), d_w(on_, pass.d_x[1], dtype::f32),
        d_b(on_, pass.x.size() == 3 ? pass.d_x[2] : view(), dtype::f32);
    on_.run(&backend::convolution_slopes, {d_y.type, at_, groups_, outputs_, x.data(), w.data(),
                                           d_y.data, d_x.data(), d_w.floats(), d_b.floats()});
    for (auto* each : {&d_x, &d_w, &d_b}) each->store();
  }

private:
  device_stream& on_;
  window_shape at_;
  int groups_, outputs_;
  bool is_relu_;
};

class attention_operation final : public operation {
public:
  attention_operation(device_stream& on, const operation_site& at)
      : on_(on), shape_{at.y[0], at.y[1], number(at, 0), at.y[2] / number(at, 0)},
        hidden_(number(at, 1) != 0 ? mask::causal : mask::none) {}

  void forward(const forward_pass& pass) override {
    const auto& y = pass.y;
    if (weights_.empty())
      weights_ = on_.memory(
          static_cast<std::size_t>(shape_.batch * shape_.heads * shape_.time * shape_.time) *
          size_bytes(y.type));
    const typed_operand qkv(on_, pass.x[0], y.type);
    on_.run(&backend::attention,
            attention_call{y.type, shape_, hidden_, qkv.data(), weights_.bytes(), y.data});
  }
  void backward(const backward_pass& pass) override {
    const auto& d_y = pass.d_y;
    const typed_operand qkv(on_, pass.x[0], d_y.type);
    typed_result d_qkv(on_, pass.d_x[0], d_y.type);
    on_.run(&backend::attention_slopes,
            attention_slopes_call{d_y.type, shape_, hidden_, qkv.data(), weights_.bytes(), d_y.data,
                                  d_qkv.data()});
    d_qkv.store();
  }

private:
  device_stream& on_;
  attention_shape shape_;
  mask hidden_;
  tensor weights_; ///< what the softmax made, for the way back
};

constexpr operation_row rows[] = {
    {"linear", make_one<linear_operation>},
    {"convolution", make_one<convolution_operation>},
    {"attention", make_one<attention_operation>},
};

} // namespace

std::span<const operation_row> product_operations() { return rows; }

} // namespace lagrange::ops::cuda
