#include "function_trial.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <stdexcept>

using namespace lagrange;
using namespace lagrange::ops;
using tests::distance;
using tests::function_trial;
using tests::numbers;
using tests::operand_values;

namespace {

constexpr double slope_error_max = 2e-3;
using operands = std::span<const variable>;

function_trial linear_trial(std::int64_t inputs, std::int64_t outputs, std::int64_t batch,
                            activation after = activation::none) {
  return {{{{batch, inputs}, 1}, {{inputs, outputs}, 2}, {{outputs}, 3}},
          [after](tape&, operands x) { return linear(x[0], x[1], x[2], after); }};
}

struct convolution_case {
  shape image; ///< [H, W, C]
  std::int64_t outputs;
  window how;
};

const std::vector<convolution_case> convolutions{
    {{28, 28, 1}, 6, {5, 1, 2}}, {{14, 14, 6}, 16, {5}},       {{9, 7, 3}, 8, {3, 2, 1}},
    {{8, 8, 16}, 16, {3, 1, 1}}, {{5, 6, 2}, 3, {1}},          {{5, 5, 4}, 1, {5}},
    {{7, 9, 5}, 7, {4, 3, 1}},   {{6, 6, 8}, 4, {3, 1, 1, 2}}, {{6, 5, 6}, 6, {3, 1, 1, 6}},
    {{8, 8, 16}, 32, {1, 2}},    {{6, 6, 4}, 8, {3, 2, 1, 4}},
};

function_trial convolution_trial(const convolution_case& at, std::int64_t batch,
                                 activation after = activation::none) {
  const auto how = at.how;
  return {{{{batch, at.image[0], at.image[1], at.image[2]}, 4},
           {{how.side, how.side, at.image[2] / how.groups, at.outputs}, 5},
           {{at.outputs}, 6}},
          [=](tape&, operands x) { return convolution(x[0], x[1], x[2], how, after); }};
}

function_trial image_trial(const shape& image, std::int64_t batch,
                           function_trial::function function) {
  return {{{{batch, image[0], image[1], image[2]}, 8}}, std::move(function)};
}

std::vector<double> doubles(const std::vector<float>& from) { return {from.begin(), from.end()}; }

function_trial::function pooled(const window& how) {
  return [how](tape&, operands x) { return max_pool(x[0], how); };
}

} // namespace

TEST_CASE("linear is x w + b, whatever the sizes", "[ops][linear]") {
  for (auto [inputs, outputs, batch] : {std::array{1, 1, 1},
                                        {7, 3, 2},
                                        {784, 256, 64},
                                        {128, 10, 64},
                                        {400, 120, 5},
                                        {33, 17, 1}}) {
    CAPTURE(inputs, outputs, batch);
    auto at = linear_trial(inputs, outputs, batch);
    CHECK(
        distance(at.forward(), tests::linear_reference(at.operands[0].values, at.operands[1].values,
                                                       at.operands[2].values, batch)) < 2e-5);
  }
}

TEST_CASE("linear reads as many of the last extents as its weight asks for", "[ops][linear]") {
  const auto result = [](const shape& x, const shape& w) {
    shape found;
    function_trial at({{x, 1}, {w, 2}}, [&](tape&, operands of) {
      auto y = linear(of[0], of[1]);
      found = y.extents();
      return y;
    });
    at.forward();
    return found;
  };
  CHECK(result({5, 4, 3, 2}, {24, 7}) == shape{5, 7});
  CHECK(result({5, 4, 6}, {6, 7}) == shape{5, 4, 7});
  CHECK(result({5, 1}, {1, 7}) == shape{5, 7});
  CHECK_THROWS_AS(result({5, 4, 6}, {12, 7}), contract_error);
}

TEST_CASE("relu inside a function is relu after it", "[ops][relu]") {
  for (std::int64_t outputs : {3, 40}) {
    auto fused = linear_trial(30, outputs, 9, activation::relu);
    function_trial after(fused.operands,
                         [](tape&, operands x) { return relu(linear(x[0], x[1], x[2])); });
    const auto y = fused.forward();
    CHECK(std::ranges::count(y, 0.0F) > 0);
    CHECK(y == after.forward());
    const auto d_y = numbers(std::ssize(y), 5);
    CHECK(fused.gradients(d_y) == after.gradients(d_y));
  }
  for (const auto& each : convolutions) {
    auto fused = convolution_trial(each, 3, activation::relu);
    function_trial after(fused.operands, [how = each.how](tape&, operands x) {
      return relu(convolution(x[0], x[1], x[2], how));
    });
    const auto y = after.forward();
    CHECK(distance(fused.forward(), doubles(y)) < 1e-6);
    const auto d_y = numbers(std::ssize(y), 5);
    const auto found = fused.gradients(d_y), wanted = after.gradients(d_y);
    for (std::size_t i = 0; i < found.size(); ++i)
      CHECK(distance(found[i], doubles(wanted[i])) < 1e-5);
  }
}

TEST_CASE("a convolution is the loop it is defined by", "[ops][convolution]") {
  for (const auto& each : convolutions)
    for (auto after : {activation::none, activation::relu})
      for (std::int64_t batch : {1, 5}) {
        CAPTURE(to_string(each.image), each.outputs, each.how.side, each.how.groups, batch);
        auto at = convolution_trial(each, batch, after);
        const convolution_options options{.outputs = each.outputs,
                                          .kernel = each.how.side,
                                          .stride = each.how.stride,
                                          .padding = each.how.padding,
                                          .groups = each.how.groups,
                                          .after = after};
        CHECK(distance(at.forward(),
                       tests::convolution_reference(at.operands[0].values, at.operands[1].values,
                                                    at.operands[2].values, batch, each.image,
                                                    options)) < 1e-5);
      }
}

TEST_CASE("max pooling is the loop it is defined by", "[ops][max_pool]") {
  for (const auto& [image, how] : std::vector<std::pair<shape, window>>{{{28, 28, 6}, {2, 2}},
                                                                        {{10, 10, 16}, {2, 2}},
                                                                        {{7, 9, 3}, {2, 2}},
                                                                        {{9, 7, 5}, {3, 2}},
                                                                        {{4, 4, 1}, {4, 1}},
                                                                        {{5, 5, 2}, {1, 2}}}) {
    CAPTURE(to_string(image), how.side, how.stride);
    auto at = image_trial(image, 3, pooled(how));
    CHECK(distance(at.forward(), tests::max_pool_reference(at.operands[0].values, 3, image, how)) ==
          0);
  }
}

TEST_CASE("subsampling keeps every n-th pixel, between channels of zeros", "[ops][subsample]") {
  auto at = image_trial({3, 5, 2}, 2, [](tape&, operands x) { return subsample(x[0], 2, 6); });
  const auto y = at.forward();
  REQUIRE(y.size() == 2 * 2 * 3 * 6);
  const auto& x = at.operands[0].values;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto c = i % 6, w = i / 6 % 3, h = i / 18 % 2, b = i / 36;
    const bool is_kept = c == 2 || c == 3;
    CHECK(y[i] == (is_kept ? x[((b * 3 + 2 * h) * 5 + 2 * w) * 2 + c - 2] : 0.0F));
  }
  CHECK(at.slope_error() < slope_error_max);
}

TEST_CASE("of equal numbers in a window the first gets the gradient", "[ops][max_pool]") {
  auto at = image_trial({2, 2, 1}, 1, pooled({2, 2}));
  at.operands[0].values = {0.5F, 1, 1, 1};
  CHECK(at.gradients({3})[0] == std::vector<float>{0, 3, 0, 0});
}

TEST_CASE("a number that is none is not hidden", "[ops][relu][max_pool]") {
  const float nan = std::nanf("");
  for (std::size_t place = 0; place < 4; ++place) {
    auto pool = image_trial({2, 2, 1}, 1, pooled({2, 2}));
    pool.operands[0].values = {1, 2, 3, 4};
    pool.operands[0].values[place] = nan;
    CHECK(std::isnan(pool.forward()[0]));
  }
  function_trial alone({operand_values(shape{1}, std::vector<float>{nan})},
                       [](tape&, operands x) { return relu(x[0]); });
  CHECK(std::isnan(alone.forward()[0]));
}

TEST_CASE("the gradients of linear functions are slopes", "[ops][linear]") {
  for (auto [inputs, outputs, batch] :
       {std::array{1, 1, 1}, {7, 3, 2}, {30, 40, 9}, {64, 33, 17}}) {
    CAPTURE(inputs, outputs, batch);
    CHECK(linear_trial(inputs, outputs, batch).slope_error() < slope_error_max);
  }
}

TEST_CASE("the gradients of convolutions are slopes", "[ops][convolution]") {
  for (const auto& each : convolutions)
    for (std::int64_t batch : {1, 3}) {
      CAPTURE(to_string(each.image), each.outputs, each.how.side, each.how.groups, batch);
      CHECK(convolution_trial(each, batch).slope_error() < slope_error_max);
    }
}

TEST_CASE("the gradients of max pooling and relu are slopes", "[ops][max_pool][relu]") {
  for (const auto& function :
       {pooled({3, 2}), pooled({2, 2}),
        function_trial::function([](tape&, operands x) { return relu(x[0]); })}) {
    auto at = image_trial({7, 7, 2}, 2, function);
    auto& x = at.operands[0].values; // distinct, further apart than the step of the differences
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = (static_cast<float>(i * 71 % x.size()) - 90.5F) / 64;
    CHECK(at.slope_error() < slope_error_max);
  }
}

TEST_CASE("a layer that cannot be is refused with what would fit", "[ops]") {
  using Catch::Contains;
  const auto build = [](const std::unique_ptr<layer>& what, const shape& sample) {
    parameter_list into;
    what->build(into, sample);
  };
  CHECK_THROWS_WITH(build(linear(3), {0}), Contains("at least one"));
  CHECK_THROWS_WITH(build(convolution({.outputs = 1, .kernel = 5}), {4, 4, 1}),
                    Contains("at least 5 pixels") && Contains("[4, 4, 1]"));
  CHECK_THROWS_AS(build(convolution({.outputs = 1, .kernel = 5}), {784}), std::invalid_argument);
  CHECK_THROWS_AS(build(convolution({.outputs = 0, .kernel = 5}), {9, 9, 1}),
                  std::invalid_argument);
  CHECK_THROWS_WITH(build(convolution({.outputs = 4, .kernel = 3, .groups = 2}), {9, 9, 3}),
                    Contains("groups") && Contains("3 and 4"));
  CHECK_THROWS_WITH(build(max_pool(), {1, 9, 1}), Contains("2x2") && Contains("[1, 9, 1]"));
  CHECK_THROWS_AS(build(max_pool(2, 0), {9, 9, 1}), std::invalid_argument);
  CHECK_THROWS_WITH(build(residual(linear(3), nullptr), {4}), Contains("shortcut"));
}
