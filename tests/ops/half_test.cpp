#include "ops/half.hpp"
#include "ops/models.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace lagrange;
using namespace lagrange::ops;

namespace {

float through(float x, dtype type) {
  std::uint16_t code = 0;
  narrow({&x, 1}, type, &code);
  float back = 0;
  widen(&code, type, {&back, 1});
  return back;
}

std::vector<float> gradient(network& of, const std::vector<float>& parameters, const tensor& inputs,
                            float scale) {
  std::vector<float> d(parameters.size());
  const auto labels = tests::labels(inputs.extents()[0], 10, 3);
  of.train({.parameters = parameters,
            .inputs = inputs,
            .labels = labels,
            .d_parameters = d,
            .loss_scale = scale});
  return d;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  const auto dot = [](auto x, auto y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
}

} // namespace

TEST_CASE("every 16-bit number that is one comes back as it was", "[ops][half]") {
  for (auto type : {dtype::f16, dtype::bf16})
    for (std::uint32_t code = 0; code < 0x10000; ++code) {
      const auto before = static_cast<std::uint16_t>(code);
      float value = 0;
      widen(&before, type, {&value, 1});
      std::uint16_t after = 0;
      narrow({&value, 1}, type, &after);
      if (std::isnan(value)) {
        const auto back = through(value, type);
        if (!std::isnan(back)) FAIL(code);
      } else if (before != after) {
        FAIL(code);
      }
    }
}

TEST_CASE("numbers are rounded to the nearest, ties to even, and overflow is infinite",
          "[ops][half]") {
  const float infinite = std::numeric_limits<float>::infinity();
  CHECK(through(1 + 0x1p-11F, dtype::f16) == 1);
  CHECK(through(1 + 3 * 0x1p-11F, dtype::f16) == 1 + 0x1p-9F);
  CHECK(through(65519, dtype::f16) == 65504);
  CHECK(through(65520, dtype::f16) == infinite);
  CHECK(through(-1e30F, dtype::f16) == -infinite);
  CHECK(through(0x1p-25F, dtype::f16) == 0);
  CHECK(through(3 * 0x1p-26F, dtype::f16) == 0x1p-24F);
  CHECK(through(1 + 0x1p-8F, dtype::bf16) == 1);
  CHECK(through(1 + 3 * 0x1p-8F, dtype::bf16) == 1 + 0x1p-6F);
  CHECK(through(std::numeric_limits<float>::max(), dtype::bf16) == infinite);
  CHECK(through(-infinite, dtype::bf16) == -infinite);
  for (auto type : {dtype::f16, dtype::bf16}) CHECK(std::isnan(through(std::nanf(""), type)));
  float x = 0;
  CHECK_THROWS_AS(narrow({&x, 1}, dtype::f32, &x), contract_error);
}

TEST_CASE("in 16 bits a gradient points where that of f32 does, and is not the same",
          "[ops][half][models]") {
  const model_input digits{{28, 28, 1}, 10};
  for (const auto& row : models()) {
    CAPTURE(row.name);
    const auto exact = row.make(digits);
    const auto parameters = tests::parameters(exact->parameters(), 5);
    tensor inputs(dtype::f32, {16, 28, 28, 1});
    std::ranges::copy(tests::numbers(inputs.elements(), 7), inputs.values<float>().begin());
    const auto wanted = gradient(*exact, parameters, inputs, 1);
    for (auto type : {dtype::bf16, dtype::f16}) {
      const auto rounded = row.make(digits);
      rounded->compute_in(type);
      const auto found = gradient(*rounded, parameters, inputs, 1024);
      CHECK(cosine(found, wanted) > (type == dtype::f16 ? 0.998 : 0.995));
      CHECK(cosine(found, wanted) < 1);
      CHECK(gradient(*rounded, parameters, inputs, 1024) == found);
    }
  }
}

TEST_CASE("a loss scale that overflows f16 is seen in the gradient", "[ops][half][models]") {
  const auto net = models()[1].make({{28, 28, 1}, 10});
  net->compute_in(dtype::f16);
  const auto parameters = tests::parameters(net->parameters(), 5);
  tensor inputs(dtype::f32, {16, 28, 28, 1});
  std::ranges::fill(inputs.values<float>(), 1.0F);
  const auto is_finite = [](const std::vector<float>& d) {
    return std::ranges::all_of(d, [](float x) { return std::isfinite(x); });
  };
  CHECK(is_finite(gradient(*net, parameters, inputs, 1)));
  CHECK_FALSE(is_finite(gradient(*net, parameters, inputs, 0x1p24F)));
}
