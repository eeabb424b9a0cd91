#include "ops/elementwise.hpp"
#include "ops/functions.hpp"
#include "ops/half_operation.hpp"
#include "ops/product.hpp"

namespace lagrange::ops {

namespace {

activation activation_of(const operation_key& key) {
  return static_cast<activation>(static_cast<int>(key.numbers[0]));
}

// Operands: x, w, and b if there is one.
class linear_operation final : public operation {
public:
  linear_operation(const product_sizes& sizes, activation after, bool has_bias)
      : sizes_(sizes), after_(after),
        y_(sizes,
           {.bias = has_bias ? product_options::bias_type::row : product_options::bias_type::none,
            .after = after}) {}

  void forward(const forward_pass& pass) override {
    y_.run(pass.x[0].in(), pass.x[1].in(), has_bias(pass.x) ? pass.x[2].in() : view().in(),
           pass.y.out());
  }

  void backward(const backward_pass& pass) override {
    const auto [rows, inner, columns] = sizes_;
    if (after_ == activation::relu) relu_backward(pass.y.in(), pass.d_y.out());
    if (!pass.d_x[1].empty()) {
      if (!d_w_) d_w_.emplace(product_sizes{inner, rows, columns}, weight_options);
      d_w_->run(pass.x[0].in(), pass.d_y.in(), {}, pass.d_x[1].out());
    }
    if (has_bias(pass.x) && !pass.d_x[2].empty()) sum_rows(pass.d_y.in(), pass.d_x[2].out());
    if (!pass.d_x[0].empty()) {
      if (!d_x_) d_x_.emplace(product_sizes{rows, columns, inner}, input_options);
      d_x_->run(pass.d_y.in(), pass.x[1].in(), {}, pass.d_x[0].out());
    }
  }

private:
  static constexpr product_options weight_options{.a = operand::transposed};
  static constexpr product_options input_options{.b = operand::transposed};
  static bool has_bias(std::span<const view> x) { return x.size() == 3; }

  product_sizes sizes_;
  activation after_;
  product y_;
  // Made when first wanted: evaluation needs neither, a first layer only one.
  std::optional<product> d_w_, d_x_;
};

// How many of the last extents of x make a row of `inputs` numbers.
std::size_t row_rank(const shape& x, std::int64_t inputs) {
  std::int64_t row = 1;
  for (std::size_t rank = 0; rank < x.rank(); ++rank) {
    if (row == inputs && rank > 0) return rank;
    row *= x[x.rank() - 1 - rank];
  }
  LAGRANGE_EXPECT(row == inputs && x.rank() > 0,
                  "rows of " + std::to_string(inputs) + " numbers from " + to_string(x));
  return x.rank();
}

shape result_of(const variable& x, const variable& w) {
  const auto& from = x.extents();
  LAGRANGE_EXPECT(w.extents().rank() == 2, "a weight of " + to_string(w.extents()));
  const auto rows = from.extents().first(from.rank() - row_rank(from, w.extents()[0]));
  std::array<std::int64_t, shape::rank_max> extents{};
  std::ranges::copy(rows, extents.begin());
  extents[rows.size()] = w.extents()[1];
  return shape(std::span(extents).first(rows.size() + 1));
}

std::unique_ptr<operation> make(const operation_site& at) {
  if (auto made = linear_in_half(at, activation_of(at.key))) return made;
  const auto outputs = at.x[1][1];
  const product_sizes sizes{at.y.elements() / outputs, at.x[1][0], outputs};
  return std::make_unique<linear_operation>(sizes, activation_of(at.key), at.x.size() == 3);
}

} // namespace

variable linear(const variable& x, const variable& w, const variable& b, activation after) {
  LAGRANGE_EXPECT(b.elements() == w.extents()[1], "a bias of " + to_string(b.extents()));
  return x.on().record({"linear", {static_cast<double>(after)}}, {x, w, b}, result_of(x, w), &make);
}

variable linear(const variable& x, const variable& w) {
  return x.on().record({"linear"}, {x, w}, result_of(x, w), &make);
}

} // namespace lagrange::ops
