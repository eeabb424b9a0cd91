#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <stdexcept>

using namespace lagrange;
using namespace lagrange::ops;
using tests::distance;
using tests::numbers;

namespace {

// A layer with parameters and one batch of numbers.
struct trial {
  std::unique_ptr<layer> what;
  std::int64_t batch;
  std::vector<float> weights, x, y;

  trial(std::unique_ptr<layer> made, std::int64_t samples, std::uint64_t seed)
      : what(std::move(made)), batch(samples), weights(tests::parameters(what->parameters(), seed)),
        x(numbers(batch * what->input().elements(), seed + 1)),
        y(static_cast<std::size_t>(batch * what->output().elements())) {}

  void forward() { what->forward({.batch = batch, .parameters = weights, .x = x, .y = y}); }
};

struct gradients {
  std::vector<float> d_x, d_weights;
};

gradients backward(trial& at, std::vector<float> d_y) {
  gradients found{std::vector<float>(at.x.size(), 7.0F),
                  std::vector<float>(at.weights.size(), 7.0F)};
  at.forward();
  at.what->backward({.batch = at.batch,
                     .parameters = at.weights,
                     .x = at.x,
                     .y = at.y,
                     .d_y = d_y,
                     .d_x = found.d_x,
                     .d_parameters = found.d_weights});
  return found;
}

// sum of y * d_y, in double: the function whose gradient backward() must find.
double weighed(trial& at, std::span<const float> d_y) {
  at.forward();
  return std::inner_product(at.y.begin(), at.y.end(), d_y.begin(), 0.0);
}

// The largest difference between `found` and central differences along `moved`, on every stride-th
// element, relative to the largest derivative.
double difference(trial& at, std::vector<float>& moved, std::span<const float> d_y,
                  std::span<const float> found) {
  const float step = 1.0F / 256;
  const auto stride = std::max<std::size_t>(1, moved.size() / 97);
  double apart = 0;
  double largest = 1e-6;
  for (std::size_t i = 0; i < moved.size(); i += stride) {
    const float kept = moved[i];
    moved[i] = kept + step;
    const double up = weighed(at, d_y);
    moved[i] = kept - step;
    const double down = weighed(at, d_y);
    moved[i] = kept;
    const double slope = (up - down) / (2 * step);
    apart = std::max(apart, std::abs(slope - found[i]));
    largest = std::max(largest, std::abs(slope));
  }
  return apart / largest;
}

void expect_gradients(trial at) {
  const auto d_y = numbers(std::ssize(at.y), 77);
  const auto found = backward(at, d_y);
  CHECK(difference(at, at.x, d_y, found.d_x) < 2e-3);
  if (!at.weights.empty()) CHECK(difference(at, at.weights, d_y, found.d_weights) < 2e-3);
}

const std::vector<std::pair<shape, convolution_options>> convolutions{
    {{28, 28, 1}, {.outputs = 6, .kernel = 5, .padding = 2}},
    {{14, 14, 6}, {.outputs = 16, .kernel = 5}},
    {{9, 7, 3}, {.outputs = 8, .kernel = 3, .stride = 2, .padding = 1}},
    {{8, 8, 16}, {.outputs = 16, .kernel = 3, .padding = 1}},
    {{5, 6, 2}, {.outputs = 3, .kernel = 1}},
    {{5, 5, 4}, {.outputs = 1, .kernel = 5}},
    {{7, 9, 5}, {.outputs = 7, .kernel = 4, .stride = 3, .padding = 1}},
};

} // namespace

TEST_CASE("a linear layer is x w + b, whatever the sizes", "[ops][linear]") {
  for (auto [inputs, outputs, batch] : {std::array{1, 1, 1},
                                        {7, 3, 2},
                                        {784, 256, 64},
                                        {128, 10, 64},
                                        {400, 120, 5},
                                        {33, 17, 1}}) {
    CAPTURE(inputs, outputs, batch);
    trial at(linear({inputs}, outputs), batch, 3);
    at.forward();
    const std::span<const float> flat = at.weights;
    CHECK(distance(at.y, tests::linear_reference(
                             at.x, flat.first(flat.size() - static_cast<std::size_t>(outputs)),
                             flat.last(static_cast<std::size_t>(outputs)), batch)) < 1e-5);
  }
}

TEST_CASE("relu inside a layer is relu after it", "[ops][relu]") {
  for (std::int64_t outputs : {3, 40}) {
    trial plain(linear({30}, outputs), 9, 4);
    trial fused(linear({30}, outputs, activation::relu), 9, 4);
    trial after(relu({outputs}), 9, 4);
    plain.forward();
    after.x = plain.y;
    fused.forward();
    after.forward();
    CHECK(std::ranges::count(after.y, 0.0F) > 0);
    CHECK(fused.y == after.y);
    const auto d_y = numbers(std::ssize(fused.y), 5);
    CHECK(backward(fused, d_y).d_weights == backward(plain, backward(after, d_y).d_x).d_weights);
  }
}

TEST_CASE("a convolution is the loop it is defined by", "[ops][convolution]") {
  for (const auto& [sample, options] : convolutions)
    for (auto after : {activation::none, activation::relu})
      for (std::int64_t batch : {1, 5}) {
        auto used = options;
        used.after = after;
        CAPTURE(to_string(sample), options.outputs, options.kernel, batch);
        trial at(convolution(sample, used), batch, 6);
        at.forward();
        const std::span<const float> flat = at.weights;
        const auto outputs = static_cast<std::size_t>(options.outputs);
        CHECK(distance(at.y, tests::convolution_reference(at.x, flat.first(flat.size() - outputs),
                                                          flat.last(outputs), batch, sample,
                                                          used)) < 1e-5);
      }
}

TEST_CASE("max pooling is the loop it is defined by", "[ops][max_pool]") {
  for (const auto& [sample, options] :
       std::vector<std::pair<shape, max_pool_options>>{{{28, 28, 6}, {}},
                                                       {{10, 10, 16}, {}},
                                                       {{7, 9, 3}, {}},
                                                       {{9, 7, 5}, {3, 2}},
                                                       {{4, 4, 1}, {4, 1}},
                                                       {{5, 5, 2}, {1, 2}}}) {
    CAPTURE(to_string(sample), options.window, options.stride);
    trial at(max_pool(sample, options), 3, 8);
    at.forward();
    CHECK(distance(at.y, tests::max_pool_reference(at.x, 3, sample, options)) == 0);
  }
}

TEST_CASE("of equal numbers in a window the first gets the gradient", "[ops][max_pool]") {
  trial at(max_pool({2, 2, 1}), 1, 8);
  at.x = {0.5F, 1, 1, 1};
  CHECK(backward(at, {3}).d_x == std::vector<float>{0, 3, 0, 0});
}

TEST_CASE("a number that is none is not hidden by a layer", "[ops][relu][max_pool]") {
  const float nan = std::nanf("");
  for (std::size_t place = 0; place < 4; ++place) {
    trial pool(max_pool({2, 2, 1}), 1, 8);
    pool.x = {1, 2, 3, 4};
    pool.x[place] = nan;
    pool.forward();
    CHECK(std::isnan(pool.y[0]));
  }
  trial alone(relu({1}), 1, 8);
  alone.x = {nan};
  alone.forward();
  CHECK(std::isnan(alone.y[0]));
}

TEST_CASE("the gradients of linear layers are slopes", "[ops][linear]") {
  for (auto [inputs, outputs, batch] :
       {std::array{1, 1, 1}, {7, 3, 2}, {30, 40, 9}, {64, 33, 17}}) {
    CAPTURE(inputs, outputs, batch);
    expect_gradients({linear({inputs}, outputs), batch, 10});
  }
}

TEST_CASE("the gradients of convolutions are slopes", "[ops][convolution]") {
  for (const auto& [sample, options] : convolutions)
    for (std::int64_t batch : {1, 3}) {
      CAPTURE(to_string(sample), options.outputs, options.kernel, batch);
      expect_gradients({convolution(sample, options), batch, 11});
    }
}

TEST_CASE("the gradients of a convolution with relu are those of relu after it",
          "[ops][convolution]") {
  for (auto [sample, options] : convolutions) {
    CAPTURE(to_string(sample), options.outputs, options.kernel);
    trial plain(convolution(sample, options), 3, 12);
    options.after = activation::relu;
    trial fused(convolution(sample, options), 3, 12);
    plain.forward();
    trial after(relu(plain.what->output()), 3, 12);
    after.x = plain.y;
    const auto d_y = numbers(std::ssize(plain.y), 5);
    const auto wanted = backward(plain, backward(after, d_y).d_x);
    const auto found = backward(fused, d_y);
    CHECK(distance(found.d_x, std::vector<double>(wanted.d_x.begin(), wanted.d_x.end())) < 1e-6);
    CHECK(distance(found.d_weights,
                   std::vector<double>(wanted.d_weights.begin(), wanted.d_weights.end())) < 1e-5);
  }
}

TEST_CASE("the gradients of max pooling and relu are slopes", "[ops][max_pool][relu]") {
  // Distinct numbers, further apart than the step of the differences.
  for (auto make : {+[](const shape& s) {
                      return max_pool(s, {3, 2});
                    },
                    +[](const shape& s) { return max_pool(s); }, &relu}) {
    trial at(make({7, 7, 2}), 2, 13);
    for (std::size_t i = 0; i < at.x.size(); ++i)
      at.x[i] = (static_cast<float>(i * 71 % at.x.size()) - 90.5F) / 64;
    expect_gradients(std::move(at));
  }
}

TEST_CASE("a layer forgets nothing when the batch changes and changes back", "[ops]") {
  for (auto make : {+[] { return linear({30}, 40, activation::relu); },
                    +[] {
                      return convolution({14, 14, 6}, {.outputs = 16, .kernel = 5});
                    },
                    +[] {
                      return max_pool({8, 8, 3});
                    }}) {
    trial at(make(), 8, 14);
    at.forward();
    const auto wanted = at.y;
    // More sizes than are kept.
    for (std::int64_t batch = 1; batch <= 12; ++batch) {
      trial fresh(make(), batch, 14);
      fresh.forward();
      const std::span<const float> x = fresh.x;
      std::vector<float> y(fresh.y.size());
      at.what->forward({.batch = batch, .parameters = at.weights, .x = x, .y = y});
      CHECK(y == fresh.y);
    }
    at.forward();
    CHECK(at.y == wanted);
  }
}

TEST_CASE("a layer that cannot be is refused with what would fit", "[ops]") {
  using Catch::Contains;
  CHECK_THROWS_WITH(linear({0}, 3), Contains("at least one"));
  CHECK_THROWS_WITH(convolution({4, 4, 1}, {.outputs = 1, .kernel = 5}),
                    Contains("at least 5 pixels") && Contains("[4, 4, 1]"));
  CHECK_THROWS_AS(convolution({784}, {.outputs = 1, .kernel = 5}), std::invalid_argument);
  CHECK_THROWS_AS(convolution({9, 9, 1}, {.outputs = 0, .kernel = 5}), std::invalid_argument);
  CHECK_THROWS_WITH(max_pool({1, 9, 1}), Contains("2x2") && Contains("[1, 9, 1]"));
  CHECK_THROWS_AS(max_pool({9, 9, 1}, {2, 0}), std::invalid_argument);
}
