#include "ops/elementwise.hpp"
#include "ops/functions.hpp"

namespace lagrange::ops {

namespace {

class relu_operation final : public operation {
public:
  void forward(const forward_pass& pass) override { relu_forward(pass.x[0].in(), pass.y.out()); }
  void backward(const backward_pass& pass) override { relu_backward(pass.y.in(), pass.d_y.out()); }
  bool passes_gradient() const override { return true; }
};

} // namespace

variable relu(const variable& x) {
  return x.on().record({"relu"}, {x}, x.extents(), [](const operation_site&) {
    return std::unique_ptr<operation>(new relu_operation);
  });
}

} // namespace lagrange::ops
