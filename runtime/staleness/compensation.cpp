#include "runtime/staleness/compensation.hpp"

#include "runtime/spec.hpp"

#include <cmath>
#include <vector>

namespace lagrange::runtime {

namespace {

using made_compensation = result<std::unique_ptr<staleness_compensation>>;
using arguments = std::span<const std::string_view>;

/// g + lambda * g * g * (now - then): the squared gradient stands for the curvature.
class constant_delay final : public staleness_compensation {
public:
  explicit constant_delay(float lambda) : lambda_(lambda) {}
  void apply(const late_gradient& late, std::span<float> out) override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float g = late.scale * late.gradient[i];
      out[i] = g + lambda_ * g * g * (late.now[i] - late.then[i]);
    }
  }

private:
  float lambda_;
};

/// The same with lambda / sqrt(mean of g * g) in place of lambda.
class adaptive_delay final : public staleness_compensation {
public:
  adaptive_delay(float lambda, std::size_t elements) : lambda_(lambda), mean_(elements) {}
  void apply(const late_gradient& late, std::span<float> out) override {
    auto* mean = mean_.data() + late.first;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float g = late.scale * late.gradient[i];
      mean[i] = decay * mean[i] + (1 - decay) * g * g;
      out[i] = g + lambda_ / std::sqrt(mean[i] + epsilon) * g * g * (late.now[i] - late.then[i]);
    }
  }
  std::span<float> state() override { return mean_; }

private:
  static constexpr float decay = 0.95F; ///< the paper's m
  static constexpr float epsilon = 1e-7F;
  float lambda_;
  std::vector<float> mean_;
};

made_compensation make_none(arguments, std::size_t) {
  return std::unique_ptr<staleness_compensation>();
}

// Paper of both: Zheng et al.: Asynchronous Stochastic Gradient Descent with Delay Compensation
// (ICML 2017), DC-ASGD-c and DC-ASGD-a.
constexpr double lambda_max = 1e6;

made_compensation make_dc(arguments given, std::size_t) {
  BOOST_OUTCOME_TRY(lambda, parse_number(given[0], "LAMBDA of compensation dc", 0, lambda_max));
  return std::make_unique<constant_delay>(static_cast<float>(lambda));
}

made_compensation make_dc_adaptive(arguments given, std::size_t elements) {
  BOOST_OUTCOME_TRY(lambda,
                    parse_number(given[0], "LAMBDA of compensation dc-adaptive", 0, lambda_max));
  return std::make_unique<adaptive_delay>(static_cast<float>(lambda), elements);
}

constexpr compensation_row table[] = {
    {"none", "", "a late gradient is applied as it is", make_none},
    {"dc", "LAMBDA", "adds LAMBDA g g (w now - w read): delay compensation", make_dc},
    {"dc-adaptive", "LAMBDA", "the same, over the root of the mean of g g", make_dc_adaptive},
};

} // namespace

std::span<const compensation_row> compensations() { return table; }

result<std::unique_ptr<staleness_compensation>>
make_compensation(std::span<const compensation_row> rows, std::string_view spec,
                  std::size_t elements) {
  return make_from(rows, spec, "compensation", elements);
}

} // namespace lagrange::runtime
