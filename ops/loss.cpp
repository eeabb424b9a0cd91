#include "ops/loss.hpp"

#include "ops/functions.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lagrange::ops {

namespace {

std::size_t class_count(std::span<const float> logits, std::span<const std::int32_t> labels) {
  LAGRANGE_EXPECT(!labels.empty() && !logits.empty() && logits.size() % labels.size() == 0,
                  std::to_string(logits.size()) + " logits for " + std::to_string(labels.size()) +
                      " labels");
  return logits.size() / labels.size();
}

std::size_t class_index(std::int32_t label, std::size_t classes) {
  LAGRANGE_EXPECT(label >= 0 && static_cast<std::size_t>(label) < classes,
                  "label " + std::to_string(label) + " where there are " + std::to_string(classes) +
                      " classes");
  return static_cast<std::size_t>(label);
}

// Writes exp(logit - largest), which cannot overflow, into `out`; returns the loss of `label`.
// `sum` is that of what was written.
double exponentials(std::span<const float> row, std::size_t label, std::span<float> out,
                    float& sum) {
  const float largest = *std::ranges::max_element(row);
  sum = 0;
  for (std::size_t k = 0; k < row.size(); ++k) sum += out[k] = std::exp(row[k] - largest);
  return std::log(sum) - (row[label] - largest);
}

// Operands: logits, labels. The way forward computes the gradient as well.
class loss_operation final : public operation {
public:
  explicit loss_operation(const operation_site& at)
      : smoothing_(static_cast<float>(at.key.numbers[0])),
        d_logits_(static_cast<std::size_t>(at.x[0].elements())) {}

  void forward(const forward_pass& pass) override {
    pass.y.out()[0] = softmax_cross_entropy(pass.x[0].in(), pass.x[1].values<const std::int32_t>(),
                                            d_logits_, smoothing_);
  }
  void backward(const backward_pass& pass) override {
    const float factor = pass.d_y.in()[0];
    std::ranges::transform(d_logits_, pass.d_x[0].out().begin(),
                           [factor](float each) { return each * factor; });
  }

private:
  float smoothing_;
  std::vector<float> d_logits_;
};

} // namespace

variable softmax_cross_entropy(const variable& logits, const variable& labels, float smoothing) {
  LAGRANGE_EXPECT(smoothing >= 0 && smoothing < 1, "a smoothing of " + std::to_string(smoothing));
  return logits.on().record(
      {"softmax_cross_entropy", {smoothing}}, {logits, labels}, shape{},
      [](const operation_site& at) { return std::unique_ptr<operation>(new loss_operation(at)); });
}

float softmax_cross_entropy(std::span<const float> logits, std::span<const std::int32_t> labels,
                            std::span<float> d_logits, float smoothing) {
  const auto classes = class_count(logits, labels);
  LAGRANGE_EXPECT(d_logits.size() == logits.size(), std::to_string(d_logits.size()) + " d_logits");
  const float share = 1 / static_cast<float>(labels.size());
  const float spread = smoothing / static_cast<float>(classes);
  double loss_sum = 0;
  for (std::size_t b = 0; b < labels.size(); ++b) {
    const auto row = logits.subspan(b * classes, classes);
    const auto d_row = d_logits.subspan(b * classes, classes);
    const auto label = class_index(labels[b], classes);
    float sum = 0;
    const double loss = exponentials(row, label, d_row, sum);
    loss_sum += loss;
    if (smoothing > 0) { // the loss of class k is that of the label plus their distance
      float distance = 0;
      for (const float each : row) distance += row[label] - each;
      loss_sum += static_cast<double>(spread) * distance;
    }
    const float factor = share / sum;
    for (float& each : d_row) each = each * factor - spread * share;
    d_row[label] -= (1 - smoothing) * share;
  }
  return static_cast<float>(loss_sum / static_cast<double>(labels.size()));
}

scores softmax_cross_entropy_scores(std::span<const float> logits,
                                    std::span<const std::int32_t> labels) {
  const auto classes = class_count(logits, labels);
  std::vector<float> terms(classes);
  scores found;
  found.samples = std::ssize(labels);
  for (std::size_t b = 0; b < labels.size(); ++b) {
    const auto row = logits.subspan(b * classes, classes);
    const auto label = class_index(labels[b], classes);
    float sum = 0;
    found.loss_sum += exponentials(row, label, terms, sum);
    const auto best = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    found.correct += best == label && !std::isnan(sum) ? 1 : 0;
  }
  return found;
}

} // namespace lagrange::ops
