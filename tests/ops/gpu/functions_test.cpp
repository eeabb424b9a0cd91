// Every function of ops/functions.hpp on the device, beside the CPU.
#include "ops/cuda/operations.hpp"
#include "tests/ops/reference.hpp"
#include "tests/support/device_trial.hpp"

#include <bit>
#include <set>

using namespace lagrange;
using namespace lagrange::tests;
using ops::activation;
using ops::dtype;
using ops::pass_mode;
using ops::shape;
using ops::tape;
using ops::variable;
using operands = std::span<const variable>;

namespace {

variable integers(tape& on, const shape& extents, const std::vector<std::int32_t>& values) {
  return on.constant(extents,
                     {dtype::i32, const_cast<std::int32_t*>(values.data()), values.size()});
}

/// Rows of a table of seven, some more than once.
const std::vector<std::int32_t> tokens{6, 0, 3, 3, 6, 1};
const std::vector<std::int32_t> classes{0, 4, 2, 2, 1, 3};
const std::vector<std::int32_t> sides{1, 0, 0, 1, 1, 0, 1, 0, 0, 0};
const std::vector<std::int32_t> pairs{0, 3, 2, 1, 2, 5, 4, 0};
const std::vector<std::int32_t> held{0, 3, 1, 1, 2, 5, 0, 2, 2, 1, 4, 3};

/// Three rows of at most two features, of which one is absent.
std::vector<std::int32_t> features() {
  const auto bits = [](float x) { return std::bit_cast<std::int32_t>(x); };
  return {4, bits(0.5F), 0, bits(-1.25F), 4, bits(2), -1, bits(3), 1, bits(1), 1, bits(0.75F)};
}

std::vector<operand_values> drawn_operands(std::initializer_list<shape> extents) {
  std::vector<operand_values> made;
  for (const auto& each : extents) made.emplace_back(each, made.size() + 11);
  return made;
}

device_trial of_one(std::string_view name, variable (*f)(const variable&)) {
  return {name, drawn_operands({{3, 5}}), [f](tape&, operands x) { return f(x[0]); }};
}

std::vector<device_trial> elementwise_trials() {
  return {
      of_one("relu", ops::relu),
      of_one("gelu", ops::gelu),
      of_one("silu", ops::silu),
      of_one("tanh", ops::tanh),
      of_one("sigmoid", ops::sigmoid),
      of_one("softmax", ops::softmax),
      {"add", drawn_operands({{3, 5}, {3, 5}}),
       [](tape&, operands x) { return ops::add(x[0], x[1]); }},
      {"add", drawn_operands({{3, 5}, {3, 5}}),
       [](tape&, operands x) { return ops::add(ops::add(x[0], x[1], activation::relu), x[0]); }},
      {"multiply", drawn_operands({{3, 5}, {3, 5}}),
       [](tape&, operands x) { return ops::multiply(ops::multiply(x[0], x[1]), x[0]); }},
      {"multiply", drawn_operands({{3, 5}}),
       [](tape&, operands x) { return ops::multiply(x[0], x[0]); }},
      {"scale", drawn_operands({{3, 5}}), [](tape&, operands x) { return ops::scale(x[0], -3); }},
      {"dropout", drawn_operands({{40, 5}}),
       [](tape&, operands x) { return ops::dropout(x[0], 0.3F); }},
  };
}

std::vector<device_trial> product_trials() {
  const ops::window plain{3, 1, 1, 1}, grouped{3, 2, 0, 2};
  return {
      {"linear", drawn_operands({{4, 2, 3}, {6, 5}, {5}}),
       [](tape&, operands x) { return ops::linear(x[0], x[1], x[2], activation::relu); }},
      {"linear", drawn_operands({{4, 2, 3}, {3, 5}}),
       [](tape&, operands x) { return ops::linear(x[0], x[1]); }},
      {"convolution", drawn_operands({{2, 5, 4, 2}, {3, 3, 2, 3}, {3}}),
       [=](tape&, operands x) {
         return ops::convolution(x[0], x[1], x[2], plain, activation::relu);
       }},
      {"convolution", drawn_operands({{2, 5, 5, 4}, {3, 3, 2, 6}}),
       [=](tape&, operands x) { return ops::convolution(x[0], x[1], grouped); }},
      {"attention", drawn_operands({{2, 5, 3 * 4}}),
       [](tape&, operands x) { return ops::attention(x[0], 2, ops::attention_mask::causal); }},
      {"attention", drawn_operands({{2, 5, 3 * 4}}),
       [](tape&, operands x) { return ops::attention(x[0], 1); }},
  };
}

std::vector<device_trial> image_trials() {
  return {
      {"max_pool", drawn_operands({{2, 5, 4, 3}}),
       [](tape&, operands x) {
         return ops::max_pool(x[0], {2, 2});
       }},
      {"average_pool", drawn_operands({{2, 5, 4, 3}}),
       [](tape&, operands x) {
         return ops::average_pool(x[0], {3, 2, 1});
       }},
      {"global_average_pool", drawn_operands({{2, 5, 4, 3}}),
       [](tape&, operands x) { return ops::global_average_pool(x[0]); }},
      {"subsample", drawn_operands({{2, 5, 4, 3}}),
       [](tape&, operands x) { return ops::subsample(x[0], 2, 7); }},
  };
}

ops::variable normalised(operands x, activation after) {
  return ops::batch_norm(x[0], x[1], x[2], {x[3], x[4]}, {.after = after});
}

std::vector<device_trial> norm_trials() {
  const auto five = drawn_operands({{6, 3}, {3}, {3}, {3}, {3}});
  return {
      {"batch_norm", five, [](tape&, operands x) { return normalised(x, activation::none); }},
      {"batch_norm", five, [](tape&, operands x) { return normalised(x, activation::relu); }},
      {"batch_norm", five, [](tape&, operands x) { return normalised(x, activation::relu); },
       pass_mode::evaluation},
      {"layer_norm", drawn_operands({{4, 5}, {5}, {5}}),
       [](tape&, operands x) { return ops::layer_norm(x[0], x[1], x[2]); }},
      {"rms_norm", drawn_operands({{4, 5}, {5}}),
       [](tape&, operands x) { return ops::rms_norm(x[0], x[1]); }},
  };
}

std::vector<device_trial> table_trials() {
  return {
      {"embedding", drawn_operands({{7, 4}}),
       [](tape& on, operands x) {
         return ops::embedding(x[0], integers(on, {2, 3}, tokens));
       }},
      {"add_positions", drawn_operands({{2, 3, 4}, {5, 4}}),
       [](tape&, operands x) { return ops::add_positions(x[0], x[1]); }},
      {"sparse_linear", drawn_operands({{6, 3}, {3}}),
       [given = features()](tape& on, operands x) {
         return ops::sparse_linear(integers(on, {3, 2, 2}, given), x[0], x[1]);
       }},
  };
}

device_trial negatives(const std::vector<std::int32_t>& rows, std::int64_t length,
                       ops::pair_loss loss, bool has_bias) {
  return {"sampled_negatives_loss", drawn_operands({{5, 3}, {6, 3}, {5}, {6}}),
          [=, &rows](tape& on, operands x) {
            const auto batch = integers(on, {std::ssize(rows) / length, length}, rows);
            const ops::negatives_options options{3, loss};
            if (!has_bias) return ops::sampled_negatives_loss(batch, x[0], x[1], options);
            return ops::sampled_negatives_loss(batch, ops::biased_table{x[0], x[2]},
                                               ops::biased_table{x[1], x[3]}, options);
          }};
}

std::vector<device_trial> loss_trials() {
  using ops::pair_loss;
  return {
      {"softmax_cross_entropy", drawn_operands({{6, 5}}),
       [](tape& on, operands x) {
         return ops::softmax_cross_entropy(x[0], integers(on, {6}, classes), 0.1F);
       }},
      {"softmax_cross_entropy", drawn_operands({{6, 5}}), // and something after the loss
       [](tape& on, operands x) {
         const auto loss = ops::softmax_cross_entropy(x[0], integers(on, {6}, classes));
         return ops::scale(ops::multiply(loss, loss), 0.5F);
       }},
      {"binary_cross_entropy", drawn_operands({{10}}),
       [](tape& on, operands x) {
         return ops::binary_cross_entropy(x[0], integers(on, {10}, sides));
       }},
      {"mean_squared_error", drawn_operands({{4, 3}, {4, 3}}),
       [](tape&, operands x) { return ops::mean_squared_error(x[0], x[1]); }},
      negatives(pairs, 2, pair_loss::logistic, false),
      negatives(pairs, 2, pair_loss::pairwise, true),
      negatives(held, 4, pair_loss::logistic, true),
      negatives(held, 4, pair_loss::pairwise, false),
  };
}

std::vector<device_trial> trials() {
  std::vector<device_trial> all;
  for (auto& family : {elementwise_trials(), product_trials(), image_trials(), norm_trials(),
                       table_trials(), loss_trials()})
    all.insert(all.end(), family.begin(), family.end());
  return all;
}

/// How far a result may be from the CPU's, relative to the largest: sums in another order in f32,
/// a few roundings of intermediate results in 16 bits.
double tolerance(dtype precision) {
  return precision == dtype::f32 ? 1e-5 : precision == dtype::f16 ? 4e-3 : 3e-2;
}

} // namespace

TEST_CASE("every function computes on the device what it does on the CPU", "[ops][cuda]") {
  const auto host = ops::host_processor();
  const auto device = processor_under_test();
  for (const auto precision : {dtype::f32, dtype::f16, dtype::bf16})
    for (const auto& each : trials()) {
      CAPTURE(each.name, ops::name(precision), each.mode == pass_mode::training);
      const auto wanted = compute(each, *host, precision);
      const auto found = compute(each, *device, precision);
      CHECK(apart(found.y, wanted.y) < tolerance(precision));
      CHECK(std::abs(found.loss - wanted.loss) <
            tolerance(precision) * std::max(1.0F, std::abs(wanted.loss)) * 2);
      if (each.mode == pass_mode::evaluation) continue;
      for (std::size_t i = 0; i < each.operands.size(); ++i) {
        CAPTURE(i);
        CHECK(apart(found.gradients[i], wanted.gradients[i]) < 2 * tolerance(precision));
      }
    }
}

TEST_CASE("every operation of the device is held against the CPU's", "[ops][cuda]") {
  std::set<std::string_view> tried, offered;
  for (const auto& each : trials()) tried.insert(each.name);
  for (const auto& row : cuda::operations()) offered.insert(row.name);
  CHECK(tried == offered);
}

TEST_CASE("what is wrong with a batch is told before it gets to the device", "[ops][cuda]") {
  const auto device = processor_under_test();
  tape on(pass_mode::training, dtype::f32, *device);
  const std::vector<float> values(12, 1);
  on.begin(1);
  const auto table = on.parameter({4, 3}, values, {}, 0);
  const std::vector<std::int32_t> stray{1, 4}, label{0, 1, 2, 3};
  CHECK_THROWS_AS(ops::embedding(table, integers(on, {2}, stray)), ops::contract_error);
  CHECK_THROWS_AS(ops::softmax_cross_entropy(table, integers(on, {4}, label)), ops::contract_error);
  CHECK_THROWS_AS(ops::sampled_negatives_loss(integers(on, {1, 2}, stray), table, table),
                  ops::contract_error);
}

TEST_CASE("a function that the device does not have is refused by name", "[ops][cuda]") {
  const auto device = processor_under_test();
  tape on(pass_mode::training, dtype::f32, *device);
  const std::vector<float> values(4, 1);
  on.begin(1);
  const auto x = on.parameter({4}, values, {}, 0);
  CHECK_THROWS_WITH(weigh(x, x), Catch::Contains("weigh") && Catch::Contains("\"cpu\""));
}
