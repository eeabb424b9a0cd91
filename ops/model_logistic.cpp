#include "ops/loss.hpp"
#include "ops/model.hpp"
#include "ops/model_makers.hpp"

#include <algorithm>
#include <stdexcept>

namespace lagrange::ops {

namespace {

class logistic_model final : public model {
public:
  explicit logistic_model(std::int64_t features) : features_(features) {}

  void build(parameter_list& into) override {
    into.add_table("weight", {features_, 1}, {});
    into.add("bias", {1}, {});
  }
  variable loss(const model_pass& pass) override {
    return binary_cross_entropy(logits(pass), pass.labels);
  }
  scores evaluate(const model_pass& pass) override {
    return binary_cross_entropy_scores(logits(pass).floats(), pass.labels.values<std::int32_t>());
  }

  void touch(const tensor& inputs, std::uint64_t, touched_rows& out) override {
    const auto from = inputs.values<std::int32_t>();
    out.make_room(inputs.extents(), 1);
    const auto to = out.inputs.values<std::int32_t>();
    std::ranges::copy(from, to.begin());
    numbering_.begin();
    for (std::size_t i = 0; i < from.size(); i += 2) {
      LAGRANGE_EXPECT(from[i] >= -1 && from[i] < features_,
                      "feature " + std::to_string(from[i]) + " of " + std::to_string(features_));
      if (from[i] >= 0) numbering_.add(from[i], i);
    }
    numbering_.end(out.rows[0], [&](std::size_t place, std::size_t number) {
      to[place] = static_cast<std::int32_t>(number);
    });
  }
  std::int64_t rows_touched_max(std::size_t, const shape& inputs) const override {
    return inputs[0] * inputs[1];
  }

private:
  static variable logits(const model_pass& pass) {
    return sparse_linear(pass.inputs, pass.parameters[0], pass.parameters[1]);
  }
  std::int64_t features_;
  row_numbering numbering_;
};

} // namespace

std::unique_ptr<network> make_logistic(const model_input& input, const model_settings&) {
  if (input.classes != 2 || input.fields[0] < 1 || input.extents.rank() != 2 ||
      input.extents[0] < 1 || input.extents[1] != 2)
    throw std::invalid_argument(
        "model logistic needs rows [M, 2] of features in two classes, not " +
        to_string(input.extents) + " of " + std::to_string(input.fields[0]) + " features in " +
        std::to_string(input.classes));
  return make_network(std::make_unique<logistic_model>(input.fields[0]), input.extents);
}

} // namespace lagrange::ops
