#include "ops/functions.hpp"
#include "ops/vectorised.hpp"

namespace lagrange::ops {

namespace {

inline void multiply_loop(const float* __restrict a, const float* __restrict b, float* __restrict y,
                          std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] = a[i] * b[i];
}

inline void scale_loop(const float* x, float by, float* y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] = x[i] * by;
}

class multiply_operation final : public operation {
public:
  void forward(const forward_pass& pass) override { write(pass.x[0], pass.x[1], pass.y); }
  void backward(const backward_pass& pass) override {
    for (std::size_t i = 0; i < 2; ++i)
      if (!pass.d_x[i].empty()) write(pass.d_y, pass.x[1 - i], pass.d_x[i]);
  }

private:
  static void write(const view& a, const view& b, const view& y) {
    vectorised<&multiply_loop>(a.in().data(), b.in().data(), y.out().data(), y.count);
  }
};

class scale_operation final : public operation {
public:
  explicit scale_operation(float by) : by_(by) {}
  void forward(const forward_pass& pass) override {
    vectorised<&scale_loop>(pass.x[0].in().data(), by_, pass.y.out().data(), pass.y.count);
  }
  void backward(const backward_pass& pass) override {
    auto* d = pass.d_y.out().data();
    vectorised<&scale_loop>(static_cast<const float*>(d), by_, d, pass.d_y.count);
  }
  bool passes_gradient() const override { return true; }

private:
  float by_;
};

} // namespace

variable multiply(const variable& a, const variable& b) {
  LAGRANGE_EXPECT(a.extents() == b.extents(),
                  to_string(a.extents()) + " times " + to_string(b.extents()));
  const auto extents = a.extents();
  return a.on().record({"multiply"}, {a, b}, extents, [](const operation_site&) {
    return std::unique_ptr<operation>(new multiply_operation);
  });
}

variable scale(const variable& x, float by) {
  const auto extents = x.extents();
  return x.on().record({"scale", {by}}, {x}, extents, [](const operation_site& at) {
    return std::unique_ptr<operation>(new scale_operation(static_cast<float>(at.key.numbers[0])));
  });
}

} // namespace lagrange::ops
