#include "ops/loss.hpp"
#include "ops/model.hpp"
#include "ops/model_makers.hpp"

#include <stdexcept>

namespace lagrange::ops {

namespace {

class logistic_model final : public model {
public:
  explicit logistic_model(std::int64_t features) : features_(features) {}

  void build(parameter_list& into) override {
    into.add("weight", {features_, 1}, {});
    into.add("bias", {1}, {});
  }
  variable loss(const model_pass& pass) override {
    return binary_cross_entropy(logits(pass), pass.labels);
  }
  scores evaluate(const model_pass& pass) override {
    return binary_cross_entropy_scores(logits(pass).floats(), pass.labels.values<std::int32_t>());
  }

private:
  static variable logits(const model_pass& pass) {
    return sparse_linear(pass.inputs, pass.parameters[0], pass.parameters[1]);
  }
  std::int64_t features_;
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
