#include "function_trial.hpp"
#include "ops/loss.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace lagrange;
using namespace lagrange::ops;
using tests::function_trial;
using tests::numbers;

namespace {

constexpr double slope_error_max = 2e-3;
using operands = std::span<const variable>;

variable labels_on(tape& on, std::span<const std::int32_t> labels) {
  return on.constant({std::ssize(labels)},
                     {dtype::i32, const_cast<std::int32_t*>(labels.data()), labels.size()});
}

function_trial binary_trial(const std::vector<std::int32_t>& labels) {
  return {{{{std::ssize(labels), 1}, 1}}, [&labels](tape& on, operands x) {
            return binary_cross_entropy(x[0], labels_on(on, labels));
          }};
}

function_trial squared_trial(const shape& x, const shape& target) {
  return {{{x, 1}, {target, 2}},
          [](tape&, operands of) { return mean_squared_error(of[0], of[1]); }};
}

} // namespace

TEST_CASE("binary cross-entropy is minus the mean logarithm of what labels were given",
          "[ops][loss]") {
  for (std::int64_t count : {1, 5, 100}) {
    const auto labels = tests::labels(count, 2, 3);
    auto at = binary_trial(labels);
    double sum = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const double p = 1 / (1 + std::exp(-static_cast<double>(at.operands[0].values[i])));
      sum -= std::log(labels[i] == 1 ? p : 1 - p);
    }
    CHECK(at.forward()[0] == Approx(sum / static_cast<double>(count)));
    CHECK(at.slope_error() < slope_error_max);
  }
}

TEST_CASE("binary cross-entropy of large logits is as large, and has gradients", "[ops][loss]") {
  const std::vector<std::int32_t> labels{1, 0, 1, 0};
  auto at = binary_trial(labels);
  at.operands[0].values = {-200, -200, 200, 200};
  CHECK(at.forward()[0] == 100);
  CHECK(at.gradients({1})[0] == std::vector<float>{-0.25F, 0, 0, 0.25F});
}

TEST_CASE("a label of two classes is told by the sign of its logit", "[ops][loss]") {
  const std::vector<float> logits{2, -1, 0.5F, -3, std::nanf("")};
  const std::vector<std::int32_t> labels{1, 0, 0, 1, 0};
  const auto found = binary_cross_entropy_scores(logits, labels);
  CHECK(found.correct == 2);
  CHECK(found.samples == 5);
  const std::vector<std::int32_t> third{2};
  CHECK_THROWS_AS(binary_trial(third).forward(), contract_error);
  CHECK_THROWS_AS(binary_cross_entropy_scores(logits, third), contract_error);
}

TEST_CASE("the mean squared error is one, by both of its operands", "[ops][loss]") {
  for (const auto& x : {shape{1}, shape{7, 3}, shape{3, 50, 40}}) {
    auto at = squared_trial(x, x);
    double sum = 0;
    for (std::size_t i = 0; i < at.operands[0].values.size(); ++i)
      sum += std::pow(static_cast<double>(at.operands[0].values[i]) -
                          static_cast<double>(at.operands[1].values[i]),
                      2);
    CHECK(at.forward()[0] == Approx(sum / static_cast<double>(x.elements())));
    if (x.elements() < 1000) CHECK(at.slope_error() < slope_error_max);
  }
  CHECK_THROWS_AS(squared_trial({2, 3}, {3, 2}).forward(), contract_error);
}
