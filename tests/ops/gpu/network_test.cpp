// Networks on the device: every model, as a worker trains it.
#include "ops/models.hpp"
#include "tests/ops/model_samples.hpp"
#include "tests/ops/reference.hpp"
#include "tests/ops/whole_tables.hpp"
#include "tests/support/device_trial.hpp"

#include <numeric>

using namespace lagrange;
using namespace lagrange::tests;
using ops::dtype;

namespace {

struct step {
  float loss = 0;
  std::vector<float> gradient;
  ops::scores found;
};

/// A step of training, and an evaluation by the same parameters.
step train(ops::network& of, const batch_of& given, float loss_scale = 1) {
  const auto values = parameters(of.parameters(), 5);
  step made;
  made.gradient.assign(values.size(), 9);
  made.loss = of.train({.parameters = values,
                        .inputs = given.inputs,
                        .labels = given.labels,
                        .d_parameters = made.gradient,
                        .key = 3,
                        .loss_scale = loss_scale});
  made.found = of.evaluate(values, given.inputs, given.labels);
  return made;
}

/// Images as small as the model takes them.
ops::model_input small_input(const ops::model_row& row) {
  auto made = input_of(row);
  const std::int64_t side = row.name == "lenet" ? 12 : 5;
  if (made.extents.rank() == 3) made.extents = {side, side, 1};
  return made;
}

std::unique_ptr<ops::network> make_small(const ops::model_row& row, const ops::model_input& input) {
  ops::model_settings set;
  for (const auto& [name, value] : {std::pair("layers", 1), {"width", 8}, {"heads", 2}})
    if (std::ranges::find(row.settings, name, &ops::model_setting::name) != row.settings.end())
      set.set(name, value);
  return with_whole_tables(row.make(input, set));
}

/// Along the gradient of the CPU, and how long it is. Relative to the latter.
double gradients_apart(const std::vector<float>& a, const std::vector<float>& b) {
  double distance = 0, length = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    distance += (a[i] - b[i]) * (a[i] - b[i]);
    length += b[i] * b[i];
  }
  return std::sqrt(distance / length);
}

/// What rounding does to twenty layers with batch norm, most of whose samples are next to a kink,
/// nobody can say beforehand; but it does the same on the CPU. Returns: how far the device may be.
double in_16_bits(const step& rounded, const step& exact) {
  return 2 * gradients_apart(rounded.gradient, exact.gradient) + 1e-3;
}

} // namespace

TEST_CASE("every model trains on the device as on the CPU", "[ops][cuda][models]") {
  for (const auto& row : ops::models()) {
    CAPTURE(row.name);
    const auto input = small_input(row);
    const auto given = samples(input, 2, 21);
    const auto on_host = make_small(row, input), on_device = make_small(row, input);
    on_device->compute_on(processor_under_test());
    const auto wanted = train(*on_host, given), found = train(*on_device, given);
    CHECK(found.loss == Approx(wanted.loss).epsilon(1e-5));
    CHECK(gradients_apart(found.gradient, wanted.gradient) < 1e-4);
    CHECK(found.found.samples == wanted.found.samples);
    CHECK(found.found.loss_sum == Approx(wanted.found.loss_sum).epsilon(1e-5));
    for (const auto precision : {dtype::f16, dtype::bf16}) {
      CAPTURE(ops::name(precision));
      on_host->compute_in(precision);
      on_device->compute_in(precision);
      const auto near = train(*on_host, given), there = train(*on_device, given);
      CHECK(there.loss == Approx(wanted.loss).epsilon(precision == dtype::f16 ? 0.01 : 0.04));
      CHECK(gradients_apart(there.gradient, wanted.gradient) < in_16_bits(near, wanted));
    }
  }
}

TEST_CASE("a network goes to the device and back, and computes what it did", "[ops][cuda]") {
  const auto& row = model("mlp");
  const auto input = small_input(row);
  const auto given = samples(input, 3, 21);
  const auto net = make_small(row, input);
  const auto before = train(*net, given);
  net->compute_on(processor_under_test());
  const auto there = train(*net, given), again = train(*net, given);
  CHECK(there.gradient == again.gradient); // to the bit
  net->compute_on(ops::host_processor());
  CHECK(train(*net, given).gradient == before.gradient);
}

TEST_CASE("RE-1: a step has the same bits in every context, whatever was computed there before",
          "[ops][cuda][models]") {
  for (const auto& row : ops::models())
    for (const auto precision : {dtype::f32, dtype::f16, dtype::bf16}) {
      CAPTURE(row.name, ops::name(precision));
      const auto input = small_input(row);
      const auto given = samples(input, 3, 21), others = samples(input, 2, 22);
      const auto one = make_small(row, input), other = make_small(row, input);
      for (const auto* each : {&one, &other}) {
        (*each)->compute_in(precision);
        (*each)->compute_on(processor_under_test());
      }
      const auto found = train(*one, given);
      train(*other, others);
      for (int again = 0; again < 3; ++again) {
        const auto there = train(*other, given);
        CHECK(there.loss == found.loss);
        CHECK(there.gradient == found.gradient); // to the bit
        CHECK(there.found.loss_sum == found.found.loss_sum);
      }
    }
}

TEST_CASE("observers hear of every parameter once, and then it is on the host", "[ops][cuda]") {
  struct listener final : ops::gradient_observer {
    std::vector<std::size_t> heard;
    const std::vector<float>* gradient = nullptr;
    bool was_there = true;
    void on_final(std::size_t position) override {
      heard.push_back(position);
      was_there = was_there && std::ranges::count(*gradient, 9.0F) == 0;
    }
  } heard;
  const auto& row = model("softmax");
  const auto input = small_input(row);
  const auto given = samples(input, 3, 21);
  const auto net = make_small(row, input);
  net->compute_on(processor_under_test());
  const auto values = parameters(net->parameters(), 5);
  std::vector<float> gradient(values.size(), 9);
  heard.gradient = &gradient;
  net->train({.parameters = values,
              .inputs = given.inputs,
              .labels = given.labels,
              .d_parameters = gradient,
              .observer = &heard});
  CHECK(heard.heard == std::vector<std::size_t>{1, 0}); // the last first
  CHECK(heard.was_there);
}

TEST_CASE("a scaled loss scales the gradient on the device, and not the loss", "[ops][cuda]") {
  const auto& row = model("mlp");
  const auto input = small_input(row);
  const auto given = samples(input, 3, 21);
  const auto net = make_small(row, input);
  net->compute_on(processor_under_test());
  const auto plain = train(*net, given), scaled = train(*net, given, 1024);
  CHECK(scaled.loss == plain.loss);
  auto wanted = plain.gradient;
  for (auto& each : wanted) each *= 1024;
  CHECK(gradients_apart(scaled.gradient, wanted) < 1e-6);
}
