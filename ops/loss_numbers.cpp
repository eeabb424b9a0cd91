// Losses of numbers that are no choice among classes.
#include "ops/exponential.hpp"
#include "ops/functions.hpp"
#include "ops/lanes.hpp"
#include "ops/loss.hpp"
#include "ops/vectorised.hpp"

#include <cmath>

namespace lagrange::ops {

void expect_binary_labels(std::size_t logits, std::span<const std::int32_t> labels) {
  LAGRANGE_EXPECT(logits == labels.size() && logits > 0, std::to_string(logits) + " logits for " +
                                                             std::to_string(labels.size()) +
                                                             " labels of two classes");
  for (const auto label : labels)
    LAGRANGE_EXPECT(label == 0 || label == 1,
                    "label " + std::to_string(label) + " where there are 2 classes");
}

namespace {

// -log of the probability of a label: log(1 + e^-z) of its logit z, or of -z.
double label_loss(float logit, std::int32_t label) {
  const double z = label == 1 ? static_cast<double>(logit) : -static_cast<double>(logit);
  return std::max(-z, 0.0) + std::log1p(std::exp(-std::abs(z)));
}

inline void binary_backward_loop(const float* __restrict logits,
                                 const std::int32_t* __restrict labels, float factor,
                                 float* __restrict d, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    d[i] = (logistic(logits[i]) - static_cast<float>(labels[i])) * factor;
}

// Operands: logits, labels.
class binary_operation final : public operation {
public:
  void forward(const forward_pass& pass) override {
    const auto found =
        binary_cross_entropy_scores(pass.x[0].in(), pass.x[1].values<const std::int32_t>());
    pass.y.out()[0] = static_cast<float>(found.loss_sum / static_cast<double>(found.samples));
  }
  void backward(const backward_pass& pass) override {
    const float factor = pass.d_y.in()[0] / static_cast<float>(pass.x[0].count);
    vectorised<&binary_backward_loop>(pass.x[0].in().data(),
                                      pass.x[1].values<const std::int32_t>().data(), factor,
                                      pass.d_x[0].out().data(), pass.x[0].count);
  }
};

// In double beyond what lies in lanes.
inline void squares_loop(const float* x, const float* target, std::size_t count, double* sum) {
  constexpr std::size_t block = 1024;
  for (std::size_t first = 0; first < count; first += block)
    *sum += static_cast<double>(
        sum_in_lanes(count - first < block ? count - first : block, [=](std::size_t i) {
          const float apart = x[first + i] - target[first + i];
          return apart * apart;
        }));
}

inline void squares_backward_loop(const float* __restrict x, const float* __restrict target,
                                  float factor, float* __restrict d, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) d[i] = (x[i] - target[i]) * factor;
}

// Operands: x, target.
class squared_operation final : public operation {
public:
  void forward(const forward_pass& pass) override {
    double sum = 0;
    const auto count = pass.x[0].count;
    vectorised<&squares_loop>(pass.x[0].in().data(), pass.x[1].in().data(), count, &sum);
    pass.y.out()[0] = static_cast<float>(sum / static_cast<double>(count));
  }
  void backward(const backward_pass& pass) override {
    const auto count = pass.x[0].count;
    const float factor = 2 * pass.d_y.in()[0] / static_cast<float>(count);
    for (std::size_t i = 0; i < 2; ++i)
      if (!pass.d_x[i].empty())
        vectorised<&squares_backward_loop>(pass.x[i].in().data(), pass.x[1 - i].in().data(), factor,
                                           pass.d_x[i].out().data(), count);
  }
};

} // namespace

variable binary_cross_entropy(const variable& logits, const variable& labels) {
  return logits.on().record(
      {"binary_cross_entropy"}, {logits, labels}, shape{},
      [](const operation_site&) { return std::unique_ptr<operation>(new binary_operation); });
}

scores binary_cross_entropy_scores(std::span<const float> logits,
                                   std::span<const std::int32_t> labels) {
  expect_binary_labels(logits.size(), labels);
  scores found;
  found.samples = std::ssize(labels);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    found.loss_sum += label_loss(logits[i], labels[i]);
    found.correct += (labels[i] == 1 ? logits[i] > 0 : logits[i] <= 0) ? 1 : 0;
  }
  return found;
}

variable mean_squared_error(const variable& x, const variable& target) {
  LAGRANGE_EXPECT(x.extents() == target.extents() && x.elements() > 0,
                  to_string(x.extents()) + " where the target is " + to_string(target.extents()));
  return x.on().record({"mean_squared_error"}, {x, target}, shape{}, [](const operation_site&) {
    return std::unique_ptr<operation>(new squared_operation);
  });
}

} // namespace lagrange::ops
