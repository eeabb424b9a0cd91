#include "ops/elementwise.hpp"
#include "ops/layers.hpp"

#include <algorithm>

namespace lagrange::ops {

namespace {

class relu_layer final : public layer {
public:
  explicit relu_layer(const shape& sample) : sample_(sample) {}
  const shape& input() const override { return sample_; }
  const shape& output() const override { return sample_; }
  void forward(const forward_pass& pass) override { relu_forward(pass.x, pass.y); }
  void backward(const backward_pass& pass) override {
    if (pass.d_x.empty()) return;
    std::ranges::copy(pass.d_y, pass.d_x.begin());
    relu_backward(pass.y, pass.d_x);
  }

private:
  shape sample_;
};

} // namespace

std::unique_ptr<layer> relu(const shape& sample) { return std::make_unique<relu_layer>(sample); }

} // namespace lagrange::ops
