// Layers by name, and what a mistake in their settings is told.
#include "listed_layers.hpp"
#include "ops/layer_table.hpp"
#include "ops/model.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

using namespace lagrange;
using namespace lagrange::ops;
using Catch::Contains;
using tests::list;
using tests::of_type;
using tests::text;
using tests::value;
using tests::whole;

namespace {

layer_settings convolution_of(std::int64_t outputs, std::int64_t stride = 1) {
  return of_type("convolution", {{"outputs", whole(outputs)},
                                 {"kernel", whole(3)},
                                 {"padding", whole(1)},
                                 {"stride", whole(stride)},
                                 {"bias", false}});
}

// Every type there is, for images and then for rows.
list all_types() {
  const list inner{convolution_of(8, 2), of_type("batch_norm", {{"after", text("relu")}}),
                   convolution_of(8), of_type("batch_norm")};
  const list around{of_type("average_pool")};
  return {convolution_of(8),
          of_type("batch_norm", {{"after", text("relu")}}),
          of_type("residual", {{"layers", inner}, {"shortcut", around}, {"after", text("relu")}}),
          of_type("max_pool"),
          of_type("tanh"),
          of_type("rms_norm"),
          of_type("softmax"),
          of_type("global_average_pool"),
          of_type("linear", {{"outputs", whole(32)}}),
          of_type("layer_norm", {{"epsilon", 1e-6}}),
          of_type("gelu"),
          of_type("silu"),
          of_type("dropout", {{"share", 0.1}}),
          of_type("sigmoid"),
          of_type("relu"),
          of_type("linear", {{"outputs", whole(16)}, {"name", text("last")}}),
          of_type("linear", {{"outputs", whole(4)}})};
}

shape build(const list& layers, const shape& sample) {
  parameter_list into;
  return make_layers(layers)->build(into, sample);
}

} // namespace

TEST_CASE("every type of layer can be named, and a network of all of them learns",
          "[ops][layers]") {
  const auto layers = all_types();
  std::set<std::string> used;
  for (const auto& each : layers) used.insert(std::get<std::string>(each.values[0].second));
  used.insert({"average_pool", "embedding", "positions", "attention"}); // layer_list_test.cpp
  for (const auto& row : layer_table()) CHECK(used.contains(std::string(row.name)));

  const auto net = make_classifier(make_layers(layers), {8, 8, 3});
  auto parameters = tests::parameters(net->parameters(), 1);
  std::vector<float> gradient(parameters.size());
  tensor inputs(dtype::f32, {16, 8, 8, 3});
  const auto pixels = tests::numbers(inputs.elements(), 2);
  std::ranges::copy(pixels, inputs.values<float>().begin());
  const auto labels = tests::labels(16, 4, 3);
  const auto step = [&](std::uint64_t key) {
    const float loss = net->train({parameters, inputs, labels, gradient, key});
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] -= 0.1F * gradient[i];
    return loss;
  };
  const float first = step(0);
  for (std::uint64_t key = 1; key < 300; ++key) step(key);
  CHECK(step(300) < 0.8F * first);
  CHECK(std::isfinite(net->evaluate(parameters, inputs, labels).loss_sum));
}

TEST_CASE("parameters are called by the type or the name of their layers", "[ops][layers]") {
  parameter_list into;
  make_layers(all_types())->build(into, {8, 8, 3});
  std::vector<std::string> names;
  for (const auto& each : into.specs()) names.push_back(each.name);
  const auto has = [&](const std::string& name) { return std::ranges::count(names, name) == 1; };
  CHECK(has("convolution1.weight"));
  CHECK(has("batch_norm1.variance"));
  CHECK(has("residual1.convolution2.weight"));
  CHECK(has("last.bias"));
  CHECK(has("linear3.bias"));
  CHECK(std::set(names.begin(), names.end()).size() == names.size());
}

TEST_CASE("a mistake in a layer's settings is told with its place and what would fit",
          "[ops][layers]") {
  const auto expect = [](const list& layers, const std::vector<std::string>& parts) {
    std::string told;
    try {
      make_layers(layers);
    } catch (const std::invalid_argument& found) {
      told = found.what();
    }
    for (const auto& each : parts) CHECK_THAT(told, Contains(each));
  };
  expect({}, {"layers", "at least one"});
  expect({of_type("relu"), layer_settings{}}, {"layers[1]", "\"type\" is missing", "a text"});
  expect({of_type("konvolution")}, {"layers[0]", "konvolution", "convolution, residual"});
  expect({of_type("linear")}, {"layers[0]", "\"outputs\" is missing", "a whole number"});
  expect({of_type("linear", {{"outputs", 3.5}})}, {"\"outputs\"", "a whole number, not a number"});
  expect({of_type("linear", {{"outputs", whole(3)}, {"kernel", whole(3)}})},
         {"no setting \"kernel\"", "type, name, outputs, of, bias, after"});
  expect({of_type("linear", {{"outputs", whole(3)}, {"outputs", whole(4)}})}, {"twice"});
  expect({of_type("linear", {{"outputs", whole(3)}, {"after", text("gelu")}})},
         {"\"relu\" or \"none\"", "gelu"});
  expect({of_type("residual", {{"layers", list{of_type("relu"), of_type("dropout")}}})},
         {"layers[0].layers[1]", "\"share\" is missing"});
  expect({of_type("residual", {{"layers", text("relu")}})}, {"a list of layers, not a text"});
  expect({of_type("relu", {{"name", text("a")}}), of_type("relu", {{"name", text("a")}})},
         {"layers[1]", "\"a\"", "another"});
}

TEST_CASE("whole numbers are read as numbers where those are expected", "[ops][layers]") {
  CHECK(build({of_type("dropout", {{"share", whole(0)}})}, {3}) == shape{3});
}

TEST_CASE("layers that cannot be are refused with what would fit, by name as well",
          "[ops][layers]") {
  const auto one = [](const std::string& type,
                      std::vector<std::pair<std::string, value>> rest = {}) {
    return list{of_type(type, std::move(rest))};
  };
  CHECK_THROWS_WITH(build(one("dropout", {{"share", 1.0}}), {3}), Contains("less than 1"));
  CHECK_THROWS_WITH(build(one("batch_norm", {{"epsilon", 0.0}}), {3}), Contains("epsilon above 0"));
  CHECK_THROWS_WITH(build(one("layer_norm"), {}), Contains("at least one channel"));
  CHECK_THROWS_WITH(build(one("rms_norm"), {0}), Contains("RMS norm") && Contains("[0]"));
  CHECK_THROWS_WITH(build(one("softmax"), {}), Contains("at least one number"));
  CHECK_THROWS_WITH(build(one("global_average_pool"), {7}), Contains("[H, W, C]"));
  CHECK_THROWS_WITH(build(one("average_pool", {{"padding", whole(2)}}), {4, 4, 1}),
                    Contains("less than the window"));
  CHECK_THROWS_WITH(build(one("average_pool", {{"side", whole(5)}}), {4, 4, 1}),
                    Contains("at least 5 pixels") && Contains("[4, 4, 1]"));
}
