#include "function_trial.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>

using namespace lagrange;
using namespace lagrange::ops;
using tests::distance;
using tests::function_trial;
using tests::operand_values;

namespace {

constexpr double slope_error_max = 2e-3;
using operands = std::span<const variable>;

function_trial batch_norm_trial(const shape& x, const batch_norm_options& options = {}) {
  const shape c{x[x.rank() - 1]};
  return {{{x, 1}, {c, 2}, {c, 3}, {c, 4}, {c, std::vector<float>(c.elements(), 0.5F)}},
          [options](tape&, operands of) {
            return batch_norm(of[0], of[1], of[2], {of[3], of[4]}, options);
          }};
}

struct statistics {
  std::vector<double> mean, variance;
};

statistics statistics_of(const operand_values& x) {
  const auto channels = static_cast<std::size_t>(x.extents[x.extents.rank() - 1]);
  const auto rows = static_cast<double>(x.values.size() / channels);
  statistics found{std::vector<double>(channels), std::vector<double>(channels)};
  for (std::size_t i = 0; i < x.values.size(); ++i)
    found.mean[i % channels] += static_cast<double>(x.values[i]) / rows;
  for (std::size_t i = 0; i < x.values.size(); ++i)
    found.variance[i % channels] +=
        std::pow(static_cast<double>(x.values[i]) - found.mean[i % channels], 2) / rows;
  return found;
}

std::vector<double> reference(const function_trial& of, const statistics& with, bool is_relu) {
  std::vector<double> y;
  const auto& x = of.operands[0].values;
  const auto channels = with.mean.size();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto c = i % channels;
    const double z = (static_cast<double>(x[i]) - with.mean[c]) /
                         std::sqrt(with.variance[c] + 1e-5) *
                         static_cast<double>(of.operands[1].values[c]) +
                     static_cast<double>(of.operands[2].values[c]);
    y.push_back(is_relu ? std::max(z, 0.0) : z);
  }
  return y;
}

const std::vector<shape> shapes{{2, 1}, {7, 3}, {64, 10}, {3, 5, 4, 16}, {2, 31, 33, 16}, {9, 300}};

} // namespace

TEST_CASE("batch norm is its formula, with the statistics of the batch or those kept",
          "[ops][batch_norm]") {
  for (const auto& x : shapes)
    for (auto after : {activation::none, activation::relu}) {
      CAPTURE(to_string(x), static_cast<int>(after));
      const bool is_relu = after == activation::relu;
      auto at = batch_norm_trial(x, {.after = after});
      CHECK(distance(at.forward(), reference(at, statistics_of(at.operands[0]), is_relu)) < 1e-5);
      const auto &mean = at.operands[3].values, &variance = at.operands[4].values;
      const statistics kept{{mean.begin(), mean.end()}, {variance.begin(), variance.end()}};
      CHECK(distance(at.forward(pass_mode::evaluation), reference(at, kept, is_relu)) < 1e-5);
    }
}

TEST_CASE("batch norm knows a small spread around a large mean", "[ops][batch_norm]") {
  auto at = batch_norm_trial({4096, 2});
  for (auto& each : at.operands[0].values) each = 1000 + each / 4;
  CHECK(distance(at.forward(), reference(at, statistics_of(at.operands[0]), false)) < 1e-3);
}

TEST_CASE("the gradients of batch norm are slopes, of the kept statistics their distance",
          "[ops][batch_norm]") {
  for (const auto& x : shapes) {
    CAPTURE(to_string(x));
    auto whole = batch_norm_trial(x);
    const auto y = whole.forward();
    const auto found = whole.gradients(tests::numbers(std::ssize(y), 5));
    const auto batch = statistics_of(whole.operands[0]);
    const auto rows = static_cast<double>(y.size() / batch.mean.size());
    std::vector<double> d_mean, d_variance;
    for (std::size_t c = 0; c < batch.mean.size(); ++c) {
      d_mean.push_back(static_cast<double>(whole.operands[3].values[c]) - batch.mean[c]);
      d_variance.push_back(0.5 - batch.variance[c] * rows / (rows - 1));
    }
    CHECK(distance(found[3], d_mean) < 1e-5);
    CHECK(distance(found[4], d_variance) < 1e-5);
    if (rows < 3) continue; // two numbers become 1 and -1 whatever they are

    function_trial at(
        {whole.operands[0], whole.operands[1], whole.operands[2]}, [&](tape& on, operands of) {
          const auto c = of[1].extents();
          const auto kept =
              on.constant(c, {dtype::f32, whole.operands[4].values.data(), batch.mean.size()});
          return batch_norm(of[0], of[1], of[2], {kept, kept});
        });
    CHECK(at.slope_error() < slope_error_max);
  }
}

TEST_CASE("relu inside of batch norm is relu after it", "[ops][batch_norm]") {
  for (const auto& x : shapes) {
    auto fused = batch_norm_trial(x, {.after = activation::relu});
    function_trial after(fused.operands, [](tape&, operands of) {
      return relu(batch_norm(of[0], of[1], of[2], {of[3], of[4]}));
    });
    const auto y = fused.forward();
    CHECK(y == after.forward());
    const auto d_y = tests::numbers(std::ssize(y), 6);
    CHECK(fused.gradients(d_y) == after.gradients(d_y));
  }
}

TEST_CASE("a batch of one row moves no variance, and one kept below zero counts as zero",
          "[ops][batch_norm]") {
  auto at = batch_norm_trial({1, 2});
  CHECK(at.gradients({1, 1})[4] == std::vector<float>{0.5F, 0.5F});
  at.operands[4].values = {-1, -1};
  for (const float each : at.forward(pass_mode::evaluation)) CHECK(std::isfinite(each));
}

TEST_CASE("batch norm of other than one number for each channel is a bug and told as one",
          "[ops][batch_norm]") {
  CHECK_THROWS_AS(batch_norm_trial({3}).forward(), contract_error);
  CHECK_THROWS_AS(batch_norm_trial({3, 2}, {.epsilon = 0}).forward(), contract_error);
  auto at = batch_norm_trial({3, 2});
  at.operands[1] = {{3}, 1};
  CHECK_THROWS_AS(at.forward(), contract_error);
}
