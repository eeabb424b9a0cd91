#include "ops/exponential.hpp"
#include "ops/functions.hpp"

#include <cmath>
#include <vector>

namespace lagrange::ops {

namespace {

// Operands: logits, labels. The way forward computes the gradient as well.
class binary_loss_operation final : public operation {
public:
  explicit binary_loss_operation(const operation_site& at)
      : d_logits_(static_cast<std::size_t>(at.x[0].elements())) {}

  void forward(const forward_pass& pass) override {
    const auto logits = pass.x[0].in();
    const auto labels = pass.x[1].values<const std::int32_t>();
    const auto share = 1 / static_cast<float>(logits.size());
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      LAGRANGE_EXPECT(labels[i] == 0 || labels[i] == 1, "label " + std::to_string(labels[i]));
      const float x = labels[i] == 1 ? -logits[i] : logits[i];
      sum += std::max(x, 0.0F) + std::log1p(std::exp(-std::abs(x)));
      d_logits_[i] = (labels[i] == 1 ? -share : share) * logistic(x);
    }
    pass.y.out()[0] = static_cast<float>(sum / static_cast<double>(logits.size()));
  }
  void backward(const backward_pass& pass) override {
    const float factor = pass.d_y.in()[0];
    for (std::size_t i = 0; i < d_logits_.size(); ++i) pass.d_x[0].out()[i] = d_logits_[i] * factor;
  }

private:
  std::vector<float> d_logits_;
};

} // namespace

variable binary_cross_entropy(const variable& logits, const variable& labels) {
  LAGRANGE_EXPECT(logits.elements() == labels.elements() && labels.elements() > 0,
                  to_string(logits.extents()) + " logits for labels " +
                      to_string(labels.extents()));
  return logits.on().record({"binary_cross_entropy"}, {logits, labels}, shape{},
                            [](const operation_site& at) {
                              return std::unique_ptr<operation>(new binary_loss_operation(at));
                            });
}

} // namespace lagrange::ops
