#include "ops/model.hpp"
#include "ops/model_makers.hpp"

#include <algorithm>
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
    into.add_table("first.weight", {rows_a, width}, start);
    into.add_table("second.weight", {rows_b, width}, start);
    if (!has_bias) return;
    into.add_table("first.bias", {rows_a}, {});
    into.add_table("second.bias", {rows_b}, {});
  }

  /// Biases are asked for by the rows of their tables.
  void touch(const tensor& inputs, std::uint64_t key, touched_rows& out) override {
    const auto pairs = inputs.values<std::int32_t>();
    const auto length = length_of(inputs.extents());
    out.make_room({inputs.extents()[0], length}, options_.has_bias ? 4 : 2);
    const auto rows = out.inputs.values<std::int32_t>();
    if (inputs.extents()[1] == 2)
      draw_negatives(pairs, options_.rows_b, key, rows);
    else
      std::ranges::copy(pairs, rows.begin());
    expect_pairs(rows, length, options_.rows_a, options_.rows_b);
    number(rows, length, 0, out.rows[0]);
    number(rows, length, 1, out.rows[1]);
    for (std::size_t bias = 2; bias < out.rows.size(); ++bias) out.rows[bias] = out.rows[bias - 2];
  }
  std::int64_t rows_touched_max(std::size_t position, const shape& inputs) const override {
    return position % 2 == 0 ? inputs[0] : inputs[0] * (length_of(inputs) - 1);
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
    const auto rows = pass.inputs.values<std::int32_t>();
    const auto length = pass.inputs.extents()[1];
    expect_pairs(tables, rows, length);
    found_.resize(static_cast<std::size_t>(pass.labels.elements() * (length - 1)));
    score_pairs(tables, rows, length, found_);
    return pair_ranks(options_.negatives.loss, length - 1, found_);
  }

private:
  /// Of a row of a batch once others have been drawn.
  std::int64_t length_of(const shape& inputs) const {
    return inputs[1] == 2 ? 2 + options_.negatives.count : inputs[1];
  }
  /// Renumbers what names rows of one table: the first of each row of the batch, or the others.
  void number(std::span<std::int32_t> rows, std::int64_t length, std::size_t side,
              std::vector<std::int32_t>& distinct) {
    const auto step = static_cast<std::size_t>(length);
    numbering_.begin();
    for (std::size_t first = 0; first < rows.size(); first += step)
      for (auto at = first + side; at < first + (side == 0 ? 1 : step); ++at)
        numbering_.add(rows[at], at);
    numbering_.end(distinct, [&](std::size_t place, std::size_t number) {
      rows[place] = static_cast<std::int32_t>(number);
    });
  }

  static void check(const model_pass& pass) {
    LAGRANGE_EXPECT(pass.inputs.extents()[1] > 2 &&
                        pass.inputs.extents()[0] == pass.labels.elements(),
                    "inputs " + to_string(pass.inputs.extents()) + " with " +
                        std::to_string(pass.labels.elements()) + " labels");
    for (const auto label : pass.labels.values<std::int32_t>())
      LAGRANGE_EXPECT(label == 1, "a pair that does not belong together");
  }

  pair_model_options options_;
  row_numbering numbering_;
  std::vector<float> found_; ///< scores of the last evaluation
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
