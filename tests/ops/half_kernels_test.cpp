// The path that computes on 16-bit operands as they are, with plain loops in place of oneDNN's
// kernels: against the path that computes in f32, on whole numbers, of which no sum loses a digit.
#include "function_trial.hpp"
#include "ops/elementwise.hpp"
#include "ops/half.hpp"
#include "ops/processor.hpp"
#include "ops/retyped.hpp"
#include "plain_kernels.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace lagrange;
using namespace lagrange::ops;
using refusal = tests::plain_kernels_options::refusal;

namespace {

using function = tests::function_trial::function;

// -1, 0 and 1.
std::vector<float> whole(std::int64_t count, std::uint64_t seed) {
  auto made = tests::numbers(count, seed);
  for (auto& each : made) each = std::round(each);
  return made;
}

struct passed {
  std::vector<float> y;
  std::vector<std::vector<float>> d;
  bool operator==(const passed&) const = default;
};

// Two steps of one tape, of which the second is told: memory that is kept has been used.
passed pass(processor& on, dtype type, const std::vector<shape>& operands, const function& f) {
  tape training(pass_mode::training, type, on);
  passed found;
  for (int step = 0; step < 2; ++step) {
    training.begin(0);
    found = {};
    found.d.reserve(operands.size());
    std::vector<std::vector<float>> values;
    std::vector<variable> x;
    for (const auto& each : operands)
      values.push_back(whole(each.elements(), 2 * values.size() + static_cast<std::size_t>(step)));
    for (std::size_t i = 0; i < operands.size(); ++i)
      x.push_back(training.parameter(operands[i], values[i],
                                     found.d.emplace_back(values[i].size(), 7.0F), i));
    const auto y = f(training, x);
    const auto d_y = whole(y.elements(), 9);
    const auto values_of_y = y.floats();
    found.y.assign(values_of_y.begin(), values_of_y.end());
    const view weights{dtype::f32, const_cast<float*>(d_y.data()), d_y.size()}; // only read
    training.backward(tests::weigh(y, training.constant(y.extents(), weights)));
  }
  return found;
}

// How often a kernel ran, having given what f32 gives.
long expect_same(const std::vector<shape>& operands, const function& f,
                 refusal refused = refusal::none) {
  const tests::plain_kernels_options how{.refused = refused};
  const auto on = host_processor(tests::plain_kernels(how));
  const auto in_f32 = host_processor(tests::plain_kernels({.refused = refusal::all}));
  for (auto type : {dtype::bf16, dtype::f16}) {
    CAPTURE(name(type));
    CHECK(pass(*on, type, operands, f) == pass(*in_f32, type, operands, f));
  }
  return *how.runs;
}

const auto constant_ones = [](tape& on, const shape& extents) {
  static const std::vector<float> ones(64 * 784, 1.0F);
  const auto count = static_cast<std::size_t>(extents.elements());
  return on.constant(extents, {dtype::f32, const_cast<float*>(ones.data()), count});
};

// Three products, two steps, two types.
constexpr long all_runs = 12;

} // namespace

TEST_CASE("16-bit products of a linear layer are those of f32, whatever the sizes",
          "[ops][half][linear]") {
  for (auto [inputs, outputs, batch] : {std::array{33, 17, 9}, {128, 10, 64}, {200, 120, 5}})
    for (auto after : {activation::none, activation::relu}) {
      CAPTURE(inputs, outputs, batch);
      const std::vector<shape> sizes{{batch, inputs}, {inputs, outputs}, {outputs}};
      CHECK(expect_same(sizes, [=](tape&, auto x) { return linear(x[0], x[1], x[2], after); }) ==
            all_runs);
      CHECK(expect_same(sizes, [](tape&, auto x) { return linear(x[0], x[1]); }) == all_runs);
    }
}

TEST_CASE("16-bit products read operands wherever they come from, and add to gradients there are",
          "[ops][half][linear]") {
  const std::vector<shape> sizes{{20, 24}, {24, 24}, {24}};
  const auto same = [&](const function& f) { return expect_same(sizes, f); };
  CHECK(same([](tape&, auto x) { return linear(relu(x[0]), relu(x[1]), relu(x[2])); }) == all_runs);
  CHECK(same([](tape& on, auto x) {
          return linear(constant_ones(on, {20, 24}), x[1], x[2]);
        }) == all_runs - 4);
  CHECK(same([](tape&, auto x) {
          const auto h = relu(x[0]);
          return add(add(linear(h, x[1], x[2]), h), linear(h, x[1], x[2]));
        }) == 2 * all_runs);
  CHECK(same([](tape&, auto x) { return linear(x[1], x[1], x[2]); }) == all_runs);
}

TEST_CASE("16-bit convolutions are those of f32, whatever the window", "[ops][half][convolution]") {
  struct sizes {
    shape image;
    std::int64_t outputs;
    window how;
  };
  const sizes all[] = {{{12, 12, 1}, 6, {5, 1, 2}},  {{9, 7, 3}, 8, {3, 2, 1}},
                       {{8, 8, 4}, 16, {3, 1, 1}},   {{7, 9, 5}, 7, {4, 3, 1}},
                       {{6, 6, 8}, 4, {3, 1, 1, 2}}, {{6, 5, 6}, 6, {3, 1, 1, 6}},
                       {{6, 6, 4}, 8, {3, 2, 1, 4}}};
  for (const auto& [image, outputs, how] : all) {
    CAPTURE(to_string(image), outputs, how.side, how.stride, how.groups);
    const std::vector<shape> operands{{3, image[0], image[1], image[2]},
                                      {how.side, how.side, image[2] / how.groups, outputs},
                                      {outputs}};
    const auto at = how;
    CHECK(expect_same(operands, [at](tape&, auto x) {
            return convolution(relu(x[0]), x[1], x[2], at, activation::relu);
          }) == all_runs);
    CHECK(expect_same(operands, [at](tape&, auto x) { return convolution(x[0], x[1], at); }) ==
          all_runs);
  }
}

TEST_CASE("a layer of which one product is refused computes all of them in f32",
          "[ops][half][linear][convolution]") {
  for (auto refused : {refusal::forward, refusal::weight, refusal::input}) {
    CHECK(expect_same(
              {{20, 24}, {24, 24}}, [](tape&, auto x) { return linear(x[0], x[1]); }, refused) ==
          0);
    CHECK(expect_same(
              {{2, 6, 6, 4}, {3, 3, 4, 8}},
              [](tape&, auto x) { return convolution(x[0], x[1], {3}); }, refused) == 0);
  }
}

TEST_CASE("evaluation asks for no product of the way back", "[ops][half][linear]") {
  const tests::plain_kernels_options how{.refused = refusal::weight};
  const auto on = host_processor(tests::plain_kernels(how));
  tape evaluation(pass_mode::evaluation, dtype::bf16, *on);
  evaluation.begin(0);
  const auto x = constant_ones(evaluation, {20, 24}), w = constant_ones(evaluation, {24, 24});
  CHECK(linear(x, w).floats()[479] == 24);
  CHECK(*how.runs == 1);
}

TEST_CASE("products too small for a call, and tapes of f32, ask for no kernel",
          "[ops][half][linear]") {
  CHECK(expect_same({{8, 16}, {16, 16}}, [](tape&, auto x) { return linear(x[0], x[1]); }) == 0);
  const tests::plain_kernels_options how;
  const auto on = host_processor(tests::plain_kernels(how));
  pass(*on, dtype::f32, {{64, 64}, {64, 64}}, [](tape&, auto x) { return linear(x[0], x[1]); });
  CHECK(*how.runs == 0);
}

TEST_CASE("sums of rows and the way back of ReLU by codes are those of the numbers",
          "[ops][half]") {
  auto y = tests::numbers(7 * 40, 1), d = tests::numbers(7 * 40, 2);
  y[0] = 0, y[1] = -0.0F, y[2] = std::nanf(""), y[3] = std::numeric_limits<float>::infinity();
  y[4] = -y[3], y[5] = -y[2], y[6] = 0x1p-24F;
  for (auto type : {dtype::bf16, dtype::f16}) {
    std::vector<std::uint16_t> y_codes(y.size()), d_codes(d.size());
    narrow(y, type, y_codes.data()), narrow(d, type, d_codes.data());
    auto wide_y = y, wide_d = d, found = d;
    widen(y_codes.data(), type, wide_y), widen(d_codes.data(), type, wide_d);
    relu_backward(wide_y, wide_d);
    relu_backward(type, y_codes.data(), d_codes.data(), d_codes.size());
    widen(d_codes.data(), type, found);
    CHECK(found == wide_d);
    std::vector<float> sums(40), by_codes(40, 7.0F);
    sum_rows(wide_d, sums);
    sum_rows(type, d_codes.data(), 7, by_codes);
    CHECK(by_codes == sums);
  }
  std::uint16_t code = 0;
  CHECK_THROWS_AS(relu_backward(dtype::f32, &code, &code, 1), contract_error);
  CHECK_THROWS_AS(convert({dtype::bf16, &code, 1}, {dtype::bf16, &code, 2}), contract_error);
}
