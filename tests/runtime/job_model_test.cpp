// [model]: settings of a model, and a list of layers instead of one.
#include "runtime/assembly.hpp"
#include "runtime/job.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;
using Catch::Contains;

namespace {

const catalog rows = catalog::standard();
const ops::model_input digits{{28, 28, 1}, 10};
const ops::model_input text{{16}, 11, ops::sample_kind::tokens, {11, 0}};

job parsed(const std::string& toml) { return parse_job(toml, "job.toml", {}, rows).value(); }

std::int64_t parameters(const job& x, const ops::model_input& input) {
  return ops::parameter_elements(make_network(x, rows, input)->parameters());
}

std::string refusal(const std::string& toml, const ops::model_input& input) {
  const auto checked = check_job(parsed(toml), {input, 1000}, rows);
  return checked ? "" : checked.error().text;
}

} // namespace

TEST_CASE("a model has the size that its settings say", "[runtime][job]") {
  const auto small = parsed("[model]\nname = 'gpt'\nlayers = 1\nwidth = 8\nheads = 2");
  const auto deep = parsed("[model]\nname = 'gpt'\nlayers = 3\nwidth = 8\nheads = 2");
  CHECK(parameters(deep, text) > parameters(small, text));
  const std::vector<std::string> override{"model.width=16"};
  const auto wide = parse_job(to_toml(small), "job.toml", override, rows).value();
  CHECK(parameters(wide, text) > parameters(small, text));
}

TEST_CASE("a list of layers is a model", "[runtime][job]") {
  const auto made = parsed(R"([model]
layers = [
  {type = "convolution", outputs = 4, kernel = 3, padding = 1, after = "relu"},
  {type = "residual", layers = [{type = "convolution", outputs = 4, kernel = 3, padding = 1}]},
  {type = "global_average_pool"},
  {type = "linear", outputs = 10},
])");
  CHECK(parameters(made, digits) == (9 * 4 + 4) + (9 * 16 + 4) + (4 * 10 + 10));
  CHECK(parsed(to_toml(made)) == made);
}

TEST_CASE("a list of layers is a transformer", "[runtime][job]") {
  const auto made = parsed(R"([model]
layers = [
  {type = "embedding", width = 8},
  {type = "positions"},
  {type = "residual", layers = [
    {type = "layer_norm"},
    {type = "attention", heads = 2, causal = true},
  ]},
  {type = "residual", layers = [
    {type = "layer_norm"},
    {type = "linear", outputs = 32, of = "row"},
    {type = "gelu"},
    {type = "linear", outputs = 8, of = "row"},
    {type = "dropout", share = 0.1},
  ]},
  {type = "layer_norm"},
  {type = "linear", outputs = 11, of = "row", bias = false},
])");
  const auto named = parsed("[model]\nname = 'gpt'\nlayers = 1\nwidth = 8\nheads = 2");
  CHECK(parameters(made, text) == parameters(named, text));
  CHECK(parsed(to_toml(made)) == made);
  CHECK(check_job(made, {text, 1000}, rows).has_value());
}

TEST_CASE("layers that do not suit their samples are refused with their place", "[runtime][job]") {
  const auto refused = [](const std::string& layers, const ops::model_input& input) {
    return refusal("[model]\nlayers = [" + layers + "]", input);
  };
  const std::string first = "{type = 'embedding', width = 8}";
  CHECK_THAT(refused(first + ", {type = 'attention', heads = 3, causal = true}", text),
             Contains("model.layers") && Contains("layers[1]") && Contains("3 heads"));
  CHECK_THAT(refused(first + ", {type = 'positions', length = 15}", text),
             Contains("layers[1]") && Contains("at least 16"));
  CHECK_THAT(refused("{type = 'attention', heads = 1, causal = false}", digits),
             Contains("layers[0]") && Contains("[28, 28, 1]"));
  CHECK_THAT(refused("{type = 'linear', outputs = 11}", text),
             Contains("layers[0]") && Contains("tokens") && Contains("embedding"));
  CHECK_THAT(refused(first, digits), Contains("layers[0]") && Contains("takes tokens"));
  CHECK_THAT(refused(first + ", {type = 'linear', outputs = 11}", text),
             Contains("[16, 11]") && Contains("at each place"));
  CHECK_THAT(refusal("[model]\nname = 'gpt'\ndropout = 1.5", text),
             Contains("dropout") && Contains("0.99"));
}

TEST_CASE("a setting that a model does not have, or out of its range, is refused by name",
          "[runtime][job]") {
  CHECK_THAT(refusal("[model]\nname = 'gpt'\nwidht = 8", text),
             Contains("widht") && Contains("width"));
  CHECK_THAT(refusal("[model]\nname = 'gpt'\nlayers = 0", text), Contains("layers"));
  CHECK_THAT(refusal("[model]\nname = 'lenet'\nwidth = 8", digits), Contains("width"));
  CHECK_THAT(
      refusal("[model]\nlayers = [{type = 'convolution', outputs = 4, kernel = 99}]", digits),
      Contains("at least 99 pixels"));
  CHECK_THAT(refusal("[model]\nlayers = [{type = 'linear', outputs = 3}]", digits),
             Contains("model.layers") && Contains("[3]") && Contains("[10]"));
  CHECK_THAT(refusal("[model]\nname = 'gpt'", digits), Contains("takes tokens"));
  CHECK(refusal("[model]\nname = 'gpt'\nwidth = 8\nheads = 2", text).empty());
}

} // namespace lagrange::tests
