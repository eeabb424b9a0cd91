// Models of tokens, sparse rows and pairs learn what is there to be learnt.
#include "model_samples.hpp"
#include "ops/optimizer.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <bit>

using namespace lagrange;
using namespace lagrange::ops;
using tests::batch_of;

namespace {

// What a model scores on `batch` after so many steps on it.
scores learn(network& net, const batch_of& batch, int steps, float rate) {
  auto parameters = tests::parameters(net.parameters(), 1);
  std::vector<float> gradient(parameters.size());
  const auto optimizer = make_adam(parameters.size(), {.rate = rate});
  for (int i = 0; i < steps; ++i) {
    net.train({parameters, batch.inputs, batch.labels, gradient, static_cast<std::uint64_t>(i)});
    optimizer->step(parameters, gradient, 1);
  }
  return net.evaluate(parameters, batch.inputs, batch.labels);
}

} // namespace

TEST_CASE("gpt learns to say what stood before", "[ops][models]") {
  const auto& row = tests::model("gpt");
  const auto net = tests::make_small(row);
  auto batch = tests::samples(tests::input_of(row), 16, 5);
  const auto tokens = batch.inputs.values<std::int32_t>();
  for (std::size_t i = 0; i < tokens.size(); ++i) // the token two places before, where there is one
    batch.labels[i] = i % 9 < 2 ? 0 : tokens[i - 2];
  const auto found = learn(*net, batch, 150, 0.01F);
  CHECK(found.samples == 16 * 9);
  CHECK(found.correct > 16 * 9 * 95 / 100);
}

TEST_CASE("logistic learns which features matter", "[ops][models]") {
  const auto& row = tests::model("logistic");
  auto batch = tests::samples(tests::input_of(row), 200, 5);
  const auto features = batch.inputs.values<std::int32_t>();
  for (std::size_t b = 0; b < 200; ++b) {
    float sum = 0;
    for (std::size_t i = b * 12; i < b * 12 + 12; i += 2)
      if (features[i] >= 0 && features[i] < 3) sum += std::bit_cast<float>(features[i + 1]);
    batch.labels[b] = sum > 0 ? 1 : 0;
  }
  CHECK(learn(*tests::make_small(row), batch, 1000, 0.1F).correct > 190);
}

TEST_CASE("models of pairs learn which rows belong together", "[ops][models]") {
  for (const auto& each : models()) {
    if (each.takes != sample_kind::pairs) continue;
    CAPTURE(each.name);
    auto batch = tests::samples(tests::input_without_draws(each), 210, 5);
    const auto rows = batch.inputs.values<std::int32_t>();
    for (std::size_t i = 0; i < rows.size(); ++i) // of 30, every seventh suits a row of 7
      rows[i] = i % 7 == 0 ? static_cast<std::int32_t>(i / 7 % 7)
                : i % 7 == 1
                    ? static_cast<std::int32_t>(i / 7 % 28)
                    : (rows[i - i % 7] + 7 * rows[i] + static_cast<std::int32_t>(i % 6) + 1) % 28;
    CHECK(learn(*tests::make_small(each), batch, 200, 0.02F).correct > 200);
  }
}
