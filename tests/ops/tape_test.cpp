// What a tape promises whatever is computed on it.
#include "function_trial.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

using namespace lagrange;
using namespace lagrange::ops;
using tests::function_trial;
using tests::numbers;
using tests::weigh;

namespace {

using operands = std::span<const variable>;
constexpr double slope_error_max = 2e-3;

struct heard final : gradient_observer {
  void on_final(std::size_t position) override { positions.push_back(position); }
  std::vector<std::size_t> positions;
};

} // namespace

TEST_CASE("a variable used several times gets the sum of its gradients", "[ops][tape]") {
  const auto expect_slopes = [](std::vector<tests::operand_values> x, function_trial::function f) {
    CHECK(function_trial(std::move(x), std::move(f)).slope_error() < slope_error_max);
  };
  expect_slopes({{{3, 4}, 1}}, [](tape&, operands x) { return add(x[0], x[0]); });
  expect_slopes({{{3, 4}, 1}, {{4, 4}, 2}}, [](tape&, operands x) {
    const auto once = linear(x[0], x[1]), twice = linear(once, x[1]);
    return add(add(once, twice), x[0]);
  });
  expect_slopes({{{3, 4}, 1}, {{4, 4}, 2}}, [](tape&, operands x) {
    const auto inner = linear(x[0], x[1]);
    const auto both = add(inner, inner);
    return add(add(both, linear(both, x[1])), linear(inner, x[1]));
  });
}

TEST_CASE("a tape that has computed something else computes the same again", "[ops][tape]") {
  const auto w = numbers(16, 1), x = numbers(12, 2), ones = std::vector<float>(12, 1.0F);
  tape reused(pass_mode::training);
  const auto step = [&](tape& on, bool is_deep) {
    on.begin(0);
    std::vector<float> d(16);
    const auto weight = on.parameter({4, 4}, w, d, 0);
    const auto data = [&](const std::vector<float>& from) {
      return on.constant({3, 4}, {dtype::f32, const_cast<float*>(from.data()), from.size()});
    };
    auto y = relu(linear(data(x), weight));
    if (is_deep) y = add(y, linear(relu(linear(y, weight)), weight));
    on.backward(weigh(y, data(ones)));
    return d;
  };
  for (bool is_deep : {true, false, false, true, true, false}) {
    tape fresh(pass_mode::training);
    CHECK(step(reused, is_deep) == step(fresh, is_deep));
  }
}

TEST_CASE("a gradient is told to be final when nothing comes any more, last layer first",
          "[ops][tape]") {
  tape on(pass_mode::training);
  on.begin(0);
  const auto w = numbers(16, 1), x = numbers(12, 2), ones = std::vector<float>(12, 1.0F);
  std::vector<std::vector<float>> d(4, std::vector<float>(16, 7.0F));
  std::vector<variable> weights;
  for (std::size_t i = 0; i < 4; ++i) weights.push_back(on.parameter({4, 4}, w, d[i], i));
  const auto data = on.constant({3, 4}, {dtype::f32, const_cast<float*>(x.data()), x.size()});
  // 0 is used first and last, 3 not at all.
  auto y = linear(linear(linear(linear(data, weights[0]), weights[1]), weights[2]), weights[0]);
  heard to;
  on.backward(weigh(y, on.constant({3, 4}, {dtype::f32, const_cast<float*>(ones.data()), 12})),
              &to);
  CHECK(to.positions == std::vector<std::size_t>{3, 2, 1, 0});
  CHECK(d[3] == std::vector<float>(16, 0.0F));
}

TEST_CASE("variables of another tape or step are a bug and told as one", "[ops][tape]") {
  tape one(pass_mode::training), other(pass_mode::training);
  const auto x = numbers(4, 1);
  const view data{dtype::f32, const_cast<float*>(x.data()), 4};
  one.begin(0), other.begin(0);
  const auto here = one.constant({4}, data), there = other.constant({4}, data);
  CHECK_THROWS_AS(add(here, there), contract_error);
  one.begin(0);
  CHECK_THROWS_AS(relu(here), contract_error);
  CHECK_THROWS_AS(here.values<float>(), contract_error);
  CHECK_THROWS_AS(add(there, other.constant({2, 2}, data)), contract_error);
}

TEST_CASE("evaluation keeps no more memory than what is held", "[ops][tape]") {
  tape on(pass_mode::evaluation);
  const auto x = numbers(1000, 1);
  on.begin(0);
  auto y = on.constant({1000}, {dtype::f32, const_cast<float*>(x.data()), x.size()});
  const float* places[2] = {};
  for (int i = 0; i < 10; ++i) {
    y = relu(y);
    auto& place = places[i % 2];
    if (i >= 2) CHECK(y.values<float>().data() == place); // two take turns
    place = y.values<float>().data();
  }
}
