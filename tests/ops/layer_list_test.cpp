// Lists of layers for tokens: a transformer as one, and what does not suit its samples.
#include "listed_layers.hpp"
#include "model_samples.hpp"
#include "ops/layer_table.hpp"
#include "ops/model.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

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

constexpr std::int64_t width = 16, heads = 2;

layer_settings of_rows(std::int64_t outputs) {
  return of_type("linear", {{"outputs", whole(outputs)}, {"of", text("row")}});
}

layer_settings attention_of(std::int64_t count, bool causal = true) {
  return of_type("attention", {{"heads", whole(count)}, {"causal", causal}});
}

layer_settings residual_of(list inner) {
  return of_type("residual", {{"layers", std::move(inner)}});
}

layer_settings embedding_of(std::int64_t columns) {
  return of_type("embedding", {{"width", whole(columns)}});
}

// Model gpt of two blocks.
list gpt_list(std::int64_t symbols, double dropout) {
  const auto dropped = of_type("dropout", {{"share", dropout}});
  list made{embedding_of(width), of_type("positions"), dropped};
  for (int i = 0; i < 2; ++i) {
    made.push_back(residual_of({of_type("layer_norm"), attention_of(heads), dropped}));
    made.push_back(residual_of(
        {of_type("layer_norm"), of_rows(4 * width), of_type("gelu"), of_rows(width), dropped}));
  }
  made.push_back(of_type("layer_norm"));
  made.push_back(of_rows(symbols));
  made.back().values.emplace_back("bias", false);
  return made;
}

const model_input sentences = tests::input_of(tests::model("gpt"));
const model_input digits{{28, 28, 1}, 10};

std::string refusal(const list& layers, const model_input& input) {
  try {
    make_network(layers, input);
  } catch (const std::invalid_argument& found) {
    return found.what();
  }
  return {};
}

void expect_refusal(const list& layers, const model_input& input,
                    const std::vector<std::string>& parts) {
  const auto told = refusal(layers, input);
  for (const auto& each : parts) CHECK_THAT(told, Contains(each));
}

} // namespace

TEST_CASE("a list of the layers of model gpt computes the bits of model gpt", "[ops][layers]") {
  const auto precision = GENERATE(dtype::f32, dtype::bf16);
  const auto dropout = GENERATE(0.0, 0.1);
  const auto listed = make_network(gpt_list(sentences.fields[0], dropout), sentences);
  const auto named = tests::model("gpt").make(
      sentences, {{"layers", 2}, {"width", width}, {"heads", heads}, {"dropout", dropout}});
  listed->compute_in(precision);
  named->compute_in(precision);
  REQUIRE(listed->parameters().size() == named->parameters().size());
  for (std::size_t i = 0; i < named->parameters().size(); ++i)
    CHECK(listed->parameters()[i].extents == named->parameters()[i].extents);
  const auto parameters = tests::parameters(named->parameters(), 5);
  REQUIRE(tests::parameters(listed->parameters(), 5) == parameters);
  const auto batch = tests::samples(sentences, 8, 21);
  std::vector<float> d_listed(parameters.size(), 1.0F), d_named(parameters.size(), 2.0F);
  for (std::uint64_t key : {3, 4})
    CHECK(listed->train({parameters, batch.inputs, batch.labels, d_listed, key}) ==
          named->train({parameters, batch.inputs, batch.labels, d_named, key}));
  CHECK(d_listed == d_named);
  CHECK(listed->evaluate(parameters, batch.inputs, batch.labels).loss_sum ==
        named->evaluate(parameters, batch.inputs, batch.labels).loss_sum);
}

TEST_CASE("gpt's dropout changes training by its key, and evaluation not at all", "[ops][models]") {
  const auto made = [](double share) {
    return tests::model("gpt").make(sentences, {{"layers", 1}, {"width", 16}, {"dropout", share}});
  };
  const auto plain = made(0), dropping = made(0.2);
  const auto parameters = tests::parameters(plain->parameters(), 5);
  const auto batch = tests::samples(sentences, 8, 21);
  std::vector<float> d(parameters.size());
  const auto loss = [&](network& of, std::uint64_t key) {
    return of.train({parameters, batch.inputs, batch.labels, d, key});
  };
  CHECK(loss(*plain, 1) == loss(*plain, 2));
  CHECK(loss(*dropping, 1) == loss(*dropping, 1));
  CHECK(loss(*dropping, 1) != loss(*dropping, 2));
  CHECK(plain->evaluate(parameters, batch.inputs, batch.labels).loss_sum ==
        dropping->evaluate(parameters, batch.inputs, batch.labels).loss_sum);
  CHECK_THROWS_WITH(made(1), Contains("dropout") && Contains("from 0 to 0.99"));
}

TEST_CASE("a linear layer of rows does to each place what one of a sample does to it",
          "[ops][layers]") {
  const list by_row{of_rows(3)}, by_sample{of_type("linear", {{"outputs", whole(3)}})};
  const auto made = make_layers(by_row), alone = make_layers(by_sample);
  parameter_list into, into_alone;
  CHECK(made->build(into, {5, 2, 4}) == shape{5, 2, 3});
  CHECK(alone->build(into_alone, {4}) == shape{3});
  REQUIRE(into.specs()[0].extents == into_alone.specs()[0].extents);
  const auto weight = tests::numbers(12, 1), bias = tests::numbers(3, 2);
  auto x = tests::numbers(40, 3);
  const auto run = [&](layer& of, const shape& extents) {
    tape on(pass_mode::evaluation);
    on.begin(0);
    const std::vector<variable> values{on.parameter({4, 3}, weight, {}, 0),
                                       on.parameter({3}, bias, {}, 1)};
    const auto y = of.apply(values, on.constant(extents, view{dtype::f32, x.data(), x.size()}));
    const auto numbers = y.floats();
    return std::pair(y.extents(), std::vector<float>(numbers.begin(), numbers.end()));
  };
  const auto [extents, rows] = run(*made, {1, 5, 2, 4});
  CHECK(extents == shape{1, 5, 2, 3});
  CHECK(rows == run(*alone, {10, 4}).second);
}

TEST_CASE("an embedding has a row for each symbol of the data, or more", "[ops][layers]") {
  const auto rows_of = [](std::int64_t rows) {
    auto first = embedding_of(width);
    if (rows != 0) first.values.emplace_back("rows", rows);
    const auto made = make_network(list{first, of_rows(11)}, sentences);
    return made->parameters()[0].extents[0];
  };
  CHECK(rows_of(0) == 11);
  CHECK(rows_of(11) == 11);
  CHECK(rows_of(64) == 64);
  CHECK_THROWS_WITH(rows_of(10),
                    Contains("layers[0]") && Contains("10 rows") && Contains("11 kinds"));
}

TEST_CASE("layers that do not suit their samples are refused with their place", "[ops][layers]") {
  const auto first = embedding_of(width);
  expect_refusal({first, residual_of({of_type("layer_norm"), attention_of(3)}), of_rows(11)},
                 sentences, {"layers[1].layers[1]: attention of 3 heads", "not 16"});
  expect_refusal({first, of_type("positions", {{"length", whole(8)}})}, sentences,
                 {"layers[1]: positions", "at most 8", "at least 9"});
  expect_refusal({attention_of(1)}, digits, {"layers[0]: attention", "[T, W]", "[28, 28, 1]"});
  expect_refusal({of_type("positions")}, digits, {"layers[0]", "[T, W]", "[28, 28, 1]"});
  expect_refusal({of_rows(11)}, sentences,
                 {"layers[0]", "\"linear\" takes numbers", "tokens", "\"embedding\" before it"});
  expect_refusal({first, residual_of({first})}, sentences,
                 {"layers[1].layers[0]", "first layer of all"});
  expect_refusal({residual_of({first})}, digits, {"layers[0].layers[0]", "first layer of all"});
  expect_refusal({first, first}, sentences, {"layers[1]", "first layer of all"});
  expect_refusal({first, of_type("linear", {{"outputs", whole(11)}})}, sentences,
                 {"[11]", "expected [9, 11]", "each place"});
  expect_refusal({of_rows(10)}, {{28}, 10}, {}); // of one row: it is the sample
  expect_refusal({of_rows(10)}, {{28, 28}, 10}, {"[28, 10]", "expected [10]"});
  expect_refusal({first}, digits, {"layers[0]", "\"embedding\" takes tokens", "are numbers"});
  expect_refusal({embedding_of(0)}, sentences, {"layers[0]", "0 columns"});
  expect_refusal({embedding_of(-1)}, sentences, {"layers[0]", "\"width\"", "from 0 to"});
  expect_refusal({embedding_of(INT64_MAX)}, sentences, {"layers[0]", "\"width\"", "from 0 to"});
  expect_refusal({}, sentences, {"at least one layer"});
  expect_refusal({first, attention_of(0)}, sentences, {"layers[1]: attention of 0 heads"});
  expect_refusal({first, of_type("attention", {{"heads", whole(2)}})}, sentences,
                 {"layers[1]", "\"causal\" is missing", "true or false"});
  expect_refusal({of_type("linear", {{"outputs", whole(3)}, {"of", text("pixel")}})}, digits,
                 {"layers[0]", "\"sample\" or \"row\"", "pixel"});
  expect_refusal(
      {of_type("linear", {{"outputs", whole(3)}, {"bias", false}, {"after", text("relu")}})},
      digits, {"layers[0]", "without a bias"});
  for (const auto kind : {sample_kind::pairs, sample_kind::sparse_rows})
    expect_refusal({of_rows(2)}, {{2}, 2, kind, {7, 30}}, {"layers[0]", "takes numbers"});
}
