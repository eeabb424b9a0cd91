#include "ops/loss.hpp"

#include "ops/functions.hpp"
#include "ops/softmax_row.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lagrange::ops {

std::int64_t expect_labels(std::size_t logits, std::span<const std::int32_t> labels) {
  LAGRANGE_EXPECT(!labels.empty() && logits > 0 && logits % labels.size() == 0,
                  std::to_string(logits) + " logits for " + std::to_string(labels.size()) +
                      " labels");
  const auto classes = static_cast<std::int64_t>(logits / labels.size());
  for (const auto label : labels)
    LAGRANGE_EXPECT(label >= 0 && label < classes, "label " + std::to_string(label) +
                                                       " where there are " +
                                                       std::to_string(classes) + " classes");
  return classes;
}

namespace {

std::size_t class_count(std::span<const float> logits, std::span<const std::int32_t> labels) {
  return static_cast<std::size_t>(expect_labels(logits.size(), labels));
}

struct loss_rows {
  const float* logits;
  const std::int32_t* labels;
  std::size_t rows, classes;
  float* d_logits; ///< of scores: one row of scratch
  float smoothing;
};

inline void loss_loop(const loss_rows* all, double* loss_sum) {
  const auto& of = *all;
  const auto classes = of.classes;
  const float share = 1 / static_cast<float>(of.rows);
  const float spread = of.smoothing / static_cast<float>(classes);
  for (std::size_t b = 0; b < of.rows; ++b) {
    const float* row = of.logits + b * classes;
    float* d_row = of.d_logits + b * classes;
    const auto label = static_cast<std::size_t>(of.labels[b]);
    const auto [largest, sum] = exponentials(row, d_row, classes);
    *loss_sum += static_cast<double>(std::log(sum) - (row[label] - largest));
    if (of.smoothing > 0) // the loss of class k is that of the label plus their distance
      *loss_sum += static_cast<double>(
          spread * sum_in_lanes(classes, [=](std::size_t k) { return row[label] - row[k]; }));
    const float factor = share / sum;
    for (std::size_t k = 0; k < classes; ++k) d_row[k] = d_row[k] * factor - spread * share;
    d_row[label] -= (1 - of.smoothing) * share;
  }
}

inline void scores_loop(const loss_rows* all, scores* found) {
  const auto classes = all->classes;
  for (std::size_t b = 0; b < all->rows; ++b) {
    const float* row = all->logits + b * classes;
    const auto label = static_cast<std::size_t>(all->labels[b]);
    const auto [largest, sum] = exponentials(row, all->d_logits, classes);
    found->loss_sum += static_cast<double>(std::log(sum) - (row[label] - largest));
    bool is_correct = row[label] == largest && sum == sum;
    for (std::size_t k = 0; k < label; ++k) is_correct &= row[k] != largest;
    found->correct += is_correct ? 1 : 0;
  }
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
  double loss_sum = 0;
  const loss_rows all{logits.data(), labels.data(),   labels.size(),
                      classes,       d_logits.data(), smoothing};
  vectorised<&loss_loop>(&all, &loss_sum);
  return static_cast<float>(loss_sum / static_cast<double>(labels.size()));
}

scores softmax_cross_entropy_scores(std::span<const float> logits,
                                    std::span<const std::int32_t> labels) {
  const auto classes = class_count(logits, labels);
  std::vector<float> terms(classes);
  scores found;
  found.samples = std::ssize(labels);
  const loss_rows all{logits.data(), labels.data(), labels.size(), classes, terms.data(), 0};
  vectorised<&scores_loop>(&all, &found);
  return found;
}

} // namespace lagrange::ops
