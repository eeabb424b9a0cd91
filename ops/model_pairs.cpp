#include "ops/model.hpp"
#include "ops/model_makers.hpp"

#include <stdexcept>
#include <vector>

namespace lagrange::ops {

namespace {

struct pair_model_options {
  std::int64_t rows_a = 0, rows_b = 0, width = 0;
  bool has_bias = false;
  float limit = 0; ///< of what a table starts with
  negatives_options negatives;
};

class pair_model final : public model {
public:
  explicit pair_model(const pair_model_options& options) : options_(options) {}

  void build(parameter_list& into) override {
    const auto& [rows_a, rows_b, width, has_bias, limit, negatives] = options_;
    const initialiser start{initialiser::kind_type::uniform, limit};
    into.add("first.weight", {rows_a, width}, start);
    into.add("second.weight", {rows_b, width}, start);
    if (!has_bias) return;
    into.add("first.bias", {rows_a}, {});
    into.add("second.bias", {rows_b}, {});
  }

  variable loss(const model_pass& pass) override {
    check(pass);
    const auto of = pass.parameters;
    if (!options_.has_bias)
      return sampled_negatives_loss(pass.inputs, of[0], of[1], options_.negatives);
    return sampled_negatives_loss(pass.inputs, biased_table{of[0], of[2]},
                                  biased_table{of[1], of[3]}, options_.negatives);
  }

  scores evaluate(const model_pass& pass) override {
    check(pass);
    const auto of = pass.parameters;
    pair_tables tables{of[0].floats(), of[1].floats(), {}, {}, options_.width};
    if (options_.has_bias) tables.a_bias = of[2].floats(), tables.b_bias = of[3].floats();
    auto rows = pass.inputs.values<std::int32_t>();
    auto length = pass.inputs.extents()[1];
    if (length == 2) { // the same others for each evaluation
      length += options_.negatives.count;
      drawn_.resize(static_cast<std::size_t>(pass.labels.elements() * length));
      draw_negatives(rows, options_.rows_b, 0, drawn_);
      rows = drawn_;
    }
    expect_pairs(tables, rows, length);
    found_.resize(static_cast<std::size_t>(pass.labels.elements() * (length - 1)));
    score_pairs(tables, rows, length, found_);
    return pair_ranks(options_.negatives.loss, length - 1, found_);
  }

private:
  static void check(const model_pass& pass) {
    LAGRANGE_EXPECT(pass.inputs.extents()[1] >= 2 &&
                        pass.inputs.extents()[0] == pass.labels.elements(),
                    "inputs " + to_string(pass.inputs.extents()) + " with " +
                        std::to_string(pass.labels.elements()) + " labels");
    for (const auto label : pass.labels.values<std::int32_t>())
      LAGRANGE_EXPECT(label == 1, "a pair that does not belong together");
  }

  pair_model_options options_;
  std::vector<std::int32_t> drawn_; ///< of the last evaluation, as are the scores
  std::vector<float> found_;
};

void check(const model_input& input, const std::string& name) {
  if (input.extents.rank() == 1 && input.extents[0] >= 2 && input.fields[0] >= 1 &&
      input.fields[1] >= 2)
    return;
  throw std::invalid_argument(
      "model " + name + " needs pairs [2], or pairs with others [2 + N], of tables of at least 1 " +
      "and 2 rows, not " + to_string(input.extents) + " of " + std::to_string(input.fields[0]) +
      " and " + std::to_string(input.fields[1]) + " rows");
}

negatives_options negatives_of(const model_settings& settings) {
  return {settings.count("negatives"),
          settings.count("pairwise") == 1 ? pair_loss::pairwise : pair_loss::logistic};
}

} // namespace

std::unique_ptr<network> make_mf(const model_input& input, const model_settings& settings) {
  check(input, "mf");
  return make_network(
      std::make_unique<pair_model>(pair_model_options{.rows_a = input.fields[0],
                                                      .rows_b = input.fields[1],
                                                      .width = settings.count("width"),
                                                      .has_bias = true,
                                                      .limit = 0.1F,
                                                      .negatives = negatives_of(settings)}),
      input.extents);
}

std::unique_ptr<network> make_skipgram(const model_input& input, const model_settings& settings) {
  check(input, "skipgram");
  const auto width = settings.count("width");
  return make_network(
      std::make_unique<pair_model>(pair_model_options{
          .rows_a = input.fields[0],
          .rows_b = input.fields[1],
          .width = width,
          .limit = 0.5F / static_cast<float>(width),
          .negatives = {.count = settings.count("negatives"), .loss = pair_loss::logistic}}),
      input.extents);
}

} // namespace lagrange::ops
