#include "ops/contract.hpp"
#include "ops/model_makers.hpp"
#include "ops/processor.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace lagrange::ops {

namespace {

// The loss is the sum of the parameters, whatever the samples are, so its gradient is 1 everywhere.
// Nothing is rounded, whatever it computes in, and there is nothing that a device could do.
class count_network final : public network {
public:
  explicit count_network(std::int64_t elements) {
    const auto first = (elements + 1) / 2;
    specs_.push_back({"first", {first}, {}});
    if (elements > first) specs_.push_back({"second", {elements - first}, {}});
    elements_ = static_cast<std::size_t>(elements);
  }

  std::span<const parameter_spec> parameters() const override { return specs_; }
  void compute_in(dtype) override {}
  void compute_on(std::unique_ptr<processor>) override {}

  float train(const training_pass& pass) override {
    LAGRANGE_EXPECT(pass.d_parameters.size() == elements_,
                    std::to_string(pass.d_parameters.size()) + " gradients for " +
                        std::to_string(elements_) + " parameters");
    std::ranges::fill(pass.d_parameters, pass.loss_scale);
    for (auto position = specs_.size(); pass.observer != nullptr && position > 0; --position)
      pass.observer->on_final(position - 1);
    return static_cast<float>(sum(pass.parameters));
  }

  scores evaluate(std::span<const float> parameters, const tensor& inputs,
                  std::span<const std::int32_t>, std::span<const table_part>) override {
    const auto samples = inputs.extents()[0];
    return {sum(parameters) * static_cast<double>(samples), 0, samples};
  }

private:
  double sum(std::span<const float> parameters) const {
    LAGRANGE_EXPECT(parameters.size() == elements_, std::to_string(parameters.size()) +
                                                        " parameters where the network has " +
                                                        std::to_string(elements_));
    return std::accumulate(parameters.begin(), parameters.end(), 0.0);
  }

  std::vector<parameter_spec> specs_;
  std::size_t elements_ = 0;
};

} // namespace

std::unique_ptr<network> make_count(const model_input& input, const model_settings& settings) {
  if (input.classes < 2 || input.extents.elements() < 1)
    throw std::invalid_argument("model count needs at least 2 classes and samples that are not "
                                "empty, not " +
                                std::to_string(input.classes) + " classes of " +
                                to_string(input.extents));
  return std::make_unique<count_network>(settings.count("elements"));
}

} // namespace lagrange::ops
