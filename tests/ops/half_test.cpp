#include "model_samples.hpp"
#include "ops/half.hpp"
#include "ops/processor.hpp"
#include "plain_kernels.hpp"
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

/// Of the weights; statistics are not scaled.
std::vector<float> gradient(network& of, const std::vector<float>& parameters,
                            const tests::batch_of& batch, float scale) {
  std::vector<float> d(parameters.size()), weights;
  of.train({.parameters = parameters,
            .inputs = batch.inputs,
            .labels = batch.labels,
            .d_parameters = d,
            .loss_scale = scale});
  auto at = d.begin();
  for (const auto& spec : of.parameters()) {
    const auto end = at + spec.extents.elements();
    if (spec.kind == parameter_spec::kind_type::weight) weights.insert(weights.end(), at, end);
    at = end;
  }
  return weights;
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
  for (const auto& row : models()) {
    CAPTURE(row.name);
    const auto exact = tests::make_small(row);
    const auto parameters = tests::parameters(exact->parameters(), 5);
    const auto batch = tests::samples(tests::input_of(row), 16, 7);
    const auto wanted = gradient(*exact, parameters, batch, 1);
    // Rounded twenty layers deep, more than half of the digits are gone.
    const double least = row.name == "resnet20" ? 0.9 : 0.995;
    for (auto type : {dtype::bf16, dtype::f16}) {
      const auto rounded = tests::make_small(row);
      rounded->compute_in(type);
      const auto found = gradient(*rounded, parameters, batch, 1024);
      CHECK(cosine(found, wanted) > least);
      // The weights of the one start at zero, of which nothing is lost; the other rounds nothing.
      if (row.name != "logistic" && row.name != "count") CHECK(cosine(found, wanted) < 1);
      CHECK(gradient(*rounded, parameters, batch, 1024) == found);
      const auto exact_scores = exact->evaluate(parameters, batch.inputs, batch.labels);
      const auto scores = rounded->evaluate(parameters, batch.inputs, batch.labels);
      CHECK(scores.loss_sum == Approx(exact_scores.loss_sum).epsilon(0.05));
    }
  }
}

TEST_CASE("so it does where layers have kernels for 16-bit operands", "[ops][half][models]") {
  for (const auto* name : {"mlp", "lenet", "gpt"}) {
    CAPTURE(name);
    const auto& row = tests::model(name);
    const auto exact = tests::make_small(row);
    const auto parameters = tests::parameters(exact->parameters(), 5);
    const auto batch = tests::samples(tests::input_of(row), 8, 7);
    const auto wanted = gradient(*exact, parameters, batch, 1);
    for (auto type : {dtype::bf16, dtype::f16}) {
      const tests::plain_kernels_options how;
      const auto rounded = tests::make_small(row);
      rounded->compute_on(host_processor(tests::plain_kernels(how)));
      rounded->compute_in(type);
      const auto found = gradient(*rounded, parameters, batch, 1024);
      CHECK(cosine(found, wanted) > 0.995);
      CHECK(gradient(*rounded, parameters, batch, 1024) == found);
      const auto exact_scores = exact->evaluate(parameters, batch.inputs, batch.labels);
      const auto scores = rounded->evaluate(parameters, batch.inputs, batch.labels);
      CHECK(scores.loss_sum == Approx(exact_scores.loss_sum).epsilon(0.05));
      CHECK(*how.runs > 0);
    }
  }
}

TEST_CASE("a loss scale that overflows f16 is seen in the gradient", "[ops][half][models]") {
  const auto net = tests::make_small(tests::model("mlp"));
  net->compute_in(dtype::f16);
  const auto parameters = tests::parameters(net->parameters(), 5);
  const auto batch = tests::samples(tests::input_of(tests::model("mlp")), 16, 7);
  const auto is_finite = [](const std::vector<float>& d) {
    return std::ranges::all_of(d, [](float x) { return std::isfinite(x); });
  };
  CHECK(is_finite(gradient(*net, parameters, batch, 1)));
  CHECK_FALSE(is_finite(gradient(*net, parameters, batch, 0x1p24F)));
}
