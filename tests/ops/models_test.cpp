#include "model_samples.hpp"
#include "ops/loss.hpp"
#include "ops/models.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

using namespace lagrange;
using namespace lagrange::ops;
using tests::batch_of;
using tests::samples;

namespace {

const model_input digits{{28, 28, 1}, 10};

bool is_weight(const parameter_spec& spec) {
  return spec.kind == parameter_spec::kind_type::weight;
}

/// Whether samples of a batch have nothing to do with each other.
bool is_by_sample(const network& of) { return std::ranges::all_of(of.parameters(), is_weight); }

/// The sum that evaluation finds has more digits; batch norm only trains with the batch's own
/// statistics, though.
double loss(network& of, std::span<const float> parameters, const batch_of& batch) {
  if (is_by_sample(of)) {
    const auto found = of.evaluate(parameters, batch.inputs, batch.labels);
    return found.loss_sum / static_cast<double>(found.samples);
  }
  std::vector<float> unused(parameters.size());
  return of.train({parameters, batch.inputs, batch.labels, unused});
}

/// Statistics are no parameters that the loss depends on: zero where they are.
void clear_statistics(const network& of, std::vector<float>& gradient) {
  auto at = gradient.begin();
  for (const auto& spec : of.parameters()) {
    if (!is_weight(spec)) std::fill_n(at, spec.extents.elements(), 0.0F);
    at += spec.extents.elements();
  }
}

} // namespace

TEST_CASE("the loss is minus the logarithm of the label's share", "[ops][loss]") {
  const std::vector<float> logits{1, 2, 3, 0, 0, 0};
  const std::vector<std::int32_t> labels{2, 1};
  std::vector<float> d(6);
  const double first = std::log(std::exp(-2) + std::exp(-1) + 1);
  CHECK(softmax_cross_entropy(logits, labels, d) == Approx((first + std::log(3)) / 2));
  const std::vector<double> wanted{std::exp(-2 - first) / 2,
                                   std::exp(-1 - first) / 2,
                                   (std::exp(-first) - 1) / 2,
                                   1.0 / 6,
                                   -1.0 / 3,
                                   1.0 / 6};
  CHECK(tests::distance(d, wanted) < 1e-6);
  const auto found = softmax_cross_entropy_scores(logits, labels);
  CHECK(found.loss_sum == Approx(first + std::log(3)));
  CHECK(found.correct == 1); // of equal logits the first one counts
  CHECK(found.samples == 2);
}

TEST_CASE("the gradient of the loss is its slope", "[ops][loss]") {
  auto logits = tests::numbers(8 * 5, 1);
  const auto labels = tests::labels(8, 5, 2);
  std::vector<float> d(logits.size()), unused(logits.size());
  softmax_cross_entropy(logits, labels, d);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const float kept = logits[i];
    logits[i] = kept + 1.0F / 64;
    const double up = softmax_cross_entropy_scores(logits, labels).loss_sum / 8;
    logits[i] = kept - 1.0F / 64;
    const double down = softmax_cross_entropy_scores(logits, labels).loss_sum / 8;
    logits[i] = kept;
    CHECK(std::abs((up - down) * 32 - d[i]) < 1e-4);
  }
}

TEST_CASE("the loss survives logits that overflow an exponential", "[ops][loss]") {
  const std::vector<float> logits{1000, -1000, 0};
  std::vector<float> d(3);
  CHECK(softmax_cross_entropy(logits, std::vector<std::int32_t>{0}, d) == 0);
  CHECK(softmax_cross_entropy(logits, std::vector<std::int32_t>{1}, d) == 2000);
  CHECK(d == std::vector<float>{1, -1, 0});
}

TEST_CASE("a label that is no class is a bug and told as one", "[ops][loss]") {
  std::vector<float> logits(6), d(6);
  for (std::int32_t label : {-1, 3})
    CHECK_THROWS_AS(softmax_cross_entropy(logits, std::vector<std::int32_t>{0, label}, d),
                    contract_error);
}

TEST_CASE("models have the parameters their papers and peers give them", "[ops][models]") {
  CHECK(parameter_elements(tests::model("softmax").make(digits)->parameters()) == 7'850);
  CHECK(parameter_elements(tests::model("mlp").make(digits)->parameters()) == 235'146);
  CHECK(parameter_elements(tests::model("lenet").make(digits)->parameters()) == 61'706);
  const auto lenet = tests::model("lenet").make(digits);
  const auto specs = lenet->parameters();
  CHECK(specs.front().name == "conv1.weight");
  CHECK(specs.front().extents == shape{5, 5, 1, 6});
  CHECK(specs.front().start.limit == Approx(0.2));
  CHECK(specs.back().name == "linear3.bias");
}

TEST_CASE("every model's gradient is the slope of its loss", "[ops][models]") {
  for (const auto& each : models()) {
    CAPTURE(each.name);
    const auto net = tests::make_small(each);
    const auto batch = samples(tests::input_without_draws(each), 32, 21);
    auto parameters = tests::parameters(net->parameters(), 5);
    std::vector<float> d(parameters.size());
    const float found = net->train({parameters, batch.inputs, batch.labels, d});
    CHECK(found == Approx(loss(*net, parameters, batch)));
    clear_statistics(*net, d);
    // Twenty layers with batch norm have more kinks within a step, and lose more to rounding.
    const double tolerance = is_by_sample(*net) ? 1 : 5;
    // Along the gradient itself the slope is its norm. A longer step crosses kinks of relu and
    // pooling, a shorter one drowns in the rounding of f32.
    const double norm = std::sqrt(std::inner_product(d.begin(), d.end(), d.begin(), 0.0));
    const double step = 2e-4;
    auto moved = parameters;
    const auto at = [&](double by) {
      for (std::size_t i = 0; i < moved.size(); ++i)
        moved[i] = static_cast<float>(parameters[i] + by * d[i] / norm);
      return loss(*net, moved, batch);
    };
    CHECK((at(step) - at(-step)) / (2 * step) == Approx(norm).epsilon(0.01 * tolerance));
    // And in each tensor, along its own part of the gradient.
    std::size_t first = 0;
    for (const auto& spec : net->parameters()) {
      CAPTURE(spec.name);
      const auto count = static_cast<std::size_t>(spec.extents.elements());
      const std::span<const float> part(d.data() + first, count);
      const double length =
          std::sqrt(std::inner_product(part.begin(), part.end(), part.begin(), 0.0));
      if (!is_weight(spec)) {
        first += count;
        continue;
      }
      REQUIRE(length > 1e-4);
      const auto along = [&](double by) {
        moved = parameters;
        for (std::size_t i = 0; i < count; ++i)
          moved[first + i] = static_cast<float>(moved[first + i] + by * part[i] / length);
        return loss(*net, moved, batch);
      };
      CHECK((along(step) - along(-step)) / (2 * step) == Approx(length).epsilon(0.02 * tolerance));
      first += count;
    }
  }
}

TEST_CASE("the gradient of count is exactly 1, so that sgd at rate 1 counts", "[ops][models]") {
  const auto& row = tests::model("count");
  for (const auto elements : {1, 2, 13}) {
    const auto net = row.make(digits, {{"elements", static_cast<double>(elements)}});
    CHECK(parameter_elements(net->parameters()) == elements);
    net->compute_in(dtype::f16);
    const std::vector<float> parameters(static_cast<std::size_t>(elements), -3.0F);
    std::vector<float> d(parameters.size());
    for (const auto& [batch, scale] : {std::pair(1, 1.0F), {7, 1024.0F}}) {
      const auto given = samples(digits, batch, 3);
      CHECK(net->train({.parameters = parameters,
                        .inputs = given.inputs,
                        .labels = given.labels,
                        .d_parameters = d,
                        .loss_scale = scale}) == -3.0F * static_cast<float>(elements));
      CHECK(std::ranges::all_of(d, [&](float each) { return each == scale; }));
    }
  }
  CHECK_THROWS_WITH(row.make(digits, {{"elements", 0}}), Catch::Contains("elements"));
}

TEST_CASE("a model computes the same bits twice, whatever came between", "[ops][models]") {
  for (const auto& each : models()) {
    CAPTURE(each.name);
    const auto net = tests::make_small(each);
    const auto other = tests::make_small(each);
    const auto parameters = tests::parameters(net->parameters(), 5);
    const auto batch = samples(tests::input_of(each), 64, 22);
    const auto last = samples(tests::input_of(each), 17, 23);
    std::vector<float> first(parameters.size()), again(parameters.size(), 9.0F), unused = first;
    const float found = net->train({parameters, batch.inputs, batch.labels, first});
    net->train({parameters, last.inputs, last.labels, unused});
    net->evaluate(parameters, batch.inputs, batch.labels);
    CHECK(net->train({parameters, batch.inputs, batch.labels, again}) == found);
    CHECK(first == again);
    CHECK(other->train({parameters, batch.inputs, batch.labels, again}) == found);
    CHECK(first == again);
  }
}

TEST_CASE("the gradient of a batch is the mean over its samples", "[ops][models]") {
  for (const auto& each : models()) {
    CAPTURE(each.name);
    const auto net = tests::make_small(each);
    if (!is_by_sample(*net)) continue;
    const auto parameters = tests::parameters(net->parameters(), 6);
    const auto input = tests::input_without_draws(each);
    const auto batch = samples(input, 3, 24);
    std::vector<float> d(parameters.size()), one(parameters.size());
    net->train({parameters, batch.inputs, batch.labels, d});
    std::vector<double> mean(parameters.size());
    for (std::size_t b = 0; b < 3; ++b) {
      auto single = samples(input, 1, 0);
      const auto bytes = single.inputs.size_bytes(), labels = single.labels.size();
      std::memcpy(single.inputs.bytes(), batch.inputs.bytes() + b * bytes, bytes);
      net->train(
          {parameters, single.inputs, std::span(batch.labels).subspan(b * labels, labels), one});
      for (std::size_t i = 0; i < one.size(); ++i) mean[i] += one[i] / 3.0;
    }
    CHECK(tests::distance(d, mean) < 1e-6);
  }
}

TEST_CASE("a model refuses data that do not suit it, with what would", "[ops][models]") {
  using Catch::Contains;
  CHECK_THROWS_WITH(tests::model("lenet").make({{784}, 10}),
                    Contains("12x12") && Contains("[784]"));
  CHECK_THROWS_WITH(tests::model("lenet").make({{11, 28, 1}, 10}), Contains("mlp"));
  CHECK(tests::model("lenet").make({{12, 12, 3}, 2}) != nullptr);
  for (const auto& each : models()) {
    CHECK_THROWS_AS(each.make({{28, 28, 1}, 1}), std::invalid_argument);
    CHECK_THROWS_AS(each.make({{28, 0, 1}, 10}), std::invalid_argument);
    auto none = tests::input_of(each), few = none;
    none.extents = {0}, few.classes = 1, few.fields = {};
    CHECK_THROWS_WITH(each.make(none), Contains("model " + std::string(each.name)));
    CHECK_THROWS_WITH(each.make(few), Contains("model " + std::string(each.name)));
    CHECK_FALSE(each.help.empty());
  }
}

TEST_CASE("inputs of another shape, type or length are a bug and told as one", "[ops][models]") {
  const auto net = tests::model("softmax").make(digits);
  const auto parameters = tests::parameters(net->parameters(), 6);
  auto batch = samples(digits, 3, 24);
  std::vector<float> d(parameters.size());
  const auto run = [&](const tensor& inputs, std::size_t labels, std::size_t count) {
    net->train(
        {std::span(parameters).first(count), inputs, std::span(batch.labels).first(labels), d});
  };
  CHECK_NOTHROW(run(batch.inputs, 3, d.size()));
  CHECK_THROWS_AS(run(batch.inputs, 2, d.size()), contract_error);
  CHECK_THROWS_AS(run(batch.inputs, 3, d.size() - 1), contract_error);
  CHECK_THROWS_AS(run(tensor(dtype::f32, {3, 784}), 3, d.size()), contract_error);
  CHECK_THROWS_AS(run(tensor(dtype::u8, {3, 28, 28, 1}), 3, d.size()), contract_error);
  CHECK_THROWS_AS(run(tensor(), 0, d.size()), contract_error);
}
