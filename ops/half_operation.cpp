#include "ops/half_operation.hpp"

#include "ops/elementwise.hpp"
#include "ops/half.hpp"
#include "ops/retyped.hpp"

namespace lagrange::ops {

namespace {

struct kernels {
  std::unique_ptr<half_kernel> y;
  std::unique_ptr<half_kernel> d_w, d_x; ///< in training
};

// Operands: x, w, and b if there is one. The last extent of y is that of b.
class half_operation final : public operation {
public:
  half_operation(const operation_site& at, activation after, kernels made)
      : type_(at.precision), after_(after), columns_(at.y[at.y.rank() - 1]), made_(std::move(made)),
        x_(type_), w_(type_), d_x_(type_) {}

  bool computes_in(dtype half) const override { return half == type_; }

  void forward(const forward_pass& pass) override {
    const void *x = x_.read(pass.x[0]), *w = w_.read(pass.x[1]);
    if (pass.x.size() == 3)
      made_.y->run({x, w, elements(pass.y), bias_.read(pass.x[2])});
    else
      made_.y->run({x, w, elements(pass.y)});
  }

  void backward(const backward_pass& pass) override {
    void* d_y = elements(pass.d_y);
    if (after_ == activation::relu) relu_backward(type_, elements(pass.y), d_y, pass.d_y.count);
    const auto &d_x = pass.d_x[0], &d_w = pass.d_x[1];
    if (!d_w.empty()) {
      made_.d_w->run({x_.read_again(pass.x[0]), d_y, d_w_.target(d_w)});
      d_w_.taken(d_w);
    }
    if (pass.x.size() == 3 && !pass.d_x[2].empty()) sum_bias(d_y, pass.d_y.count, pass.d_x[2]);
    if (d_x.empty()) return;
    made_.d_x->run({d_y, w_.read_again(pass.x[1]), d_x_.target(d_x)});
    d_x_.taken(d_x);
  }

private:
  void* elements(const view& of) const {
    LAGRANGE_EXPECT(of.type == type_, "results of type " + std::string(name(of.type)));
    return of.data;
  }

  void sum_bias(const void* d_y, std::size_t count, const view& d_b) {
    const std::span sums(static_cast<float*>(d_bias_.target(d_b)), d_b.count);
    sum_rows(type_, d_y, static_cast<std::int64_t>(count) / columns_, sums);
    d_bias_.taken(d_b);
  }

  dtype type_;
  activation after_;
  std::int64_t columns_;
  kernels made_;
  retyped x_, w_, d_x_;
  retyped bias_{dtype::f32}, d_w_{dtype::f32}, d_bias_{dtype::f32};
};

std::unique_ptr<operation> operation_of(const operation_site& at, activation after, kernels made) {
  const bool is_training = at.mode == pass_mode::training;
  if (!made.y || (is_training && (!made.d_w || !made.d_x))) return nullptr;
  return std::make_unique<half_operation>(at, after, std::move(made));
}

bool is_asked(const operation_site& at) { return is_half(at.precision) && at.kernels != nullptr; }

product_options::bias_type bias_of(const operation_site& at) {
  return at.x.size() == 3 ? product_options::bias_type::row : product_options::bias_type::none;
}

} // namespace

std::unique_ptr<operation> linear_in_half(const operation_site& at, activation after) {
  const auto inner = at.x[1][0], columns = at.x[1][1], rows = at.y.elements() / columns;
  if (!is_asked(at) || product::is_loop({rows, inner, columns})) return nullptr;
  const auto type = at.precision;
  kernels made{.y = at.kernels->make(half_product{.type = type,
                                                  .result = type,
                                                  .sizes = {rows, inner, columns},
                                                  .how = {.bias = bias_of(at), .after = after}}),
               .d_w = {},
               .d_x = {}};
  if (made.y && at.mode == pass_mode::training) {
    made.d_w = at.kernels->make(half_product{.type = type,
                                             .result = dtype::f32,
                                             .sizes = {inner, rows, columns},
                                             .how = {.a = operand::transposed}});
    made.d_x = at.kernels->make(half_product{.type = type,
                                             .result = type,
                                             .sizes = {rows, columns, inner},
                                             .how = {.b = operand::transposed}});
  }
  return operation_of(at, after, std::move(made));
}

std::unique_ptr<operation> convolution_in_half(const operation_site& at, const window& how,
                                               activation after) {
  if (!is_asked(at)) return nullptr;
  using way = half_convolution::way;
  half_convolution what{.goes = way::forward,
                        .type = at.precision,
                        .x = at.x[0],
                        .y = at.y,
                        .how = how,
                        .bias = bias_of(at),
                        .after = after};
  const auto make = [&](way goes) {
    what.goes = goes;
    return at.kernels->make(what);
  };
  kernels made{.y = make(way::forward), .d_w = {}, .d_x = {}};
  if (made.y && at.mode == pass_mode::training) {
    made.d_w = make(way::weight);
    made.d_x = make(way::input);
  }
  return operation_of(at, after, std::move(made));
}

} // namespace lagrange::ops
