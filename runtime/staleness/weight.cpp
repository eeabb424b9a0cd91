#include "runtime/staleness/weight.hpp"

#include "runtime/spec.hpp"

#include <cmath>

namespace lagrange::runtime {

namespace {

using made_weight = result<std::unique_ptr<staleness_weight>>;
using arguments = std::span<const std::string_view>;

class even final : public staleness_weight {
public:
  double of(std::uint64_t) const override { return 1; }
};

class inverse final : public staleness_weight {
public:
  double of(std::uint64_t staleness) const override {
    return staleness > 1 ? 1 / static_cast<double>(staleness) : 1;
  }
};

class exponential final : public staleness_weight {
public:
  explicit exponential(double rate) : rate_(rate) {}
  double of(std::uint64_t staleness) const override {
    return std::exp(-rate_ * static_cast<double>(staleness));
  }

private:
  double rate_;
};

made_weight make_even(arguments) { return std::make_unique<even>(); }

/// Paper: Zhang, Gupta, Lian, Liu: Staleness-aware Async-SGD for Distributed Deep Learning (IJCAI
/// 2016).
made_weight make_inverse(arguments) { return std::make_unique<inverse>(); }

/// Paper: Chan, Lane: Distributed Asynchronous Optimization of Convolutional Neural Networks
/// (Interspeech 2014).
made_weight make_exponential(arguments given) {
  BOOST_OUTCOME_TRY(rate, parse_number(given[0], "RATE of weight exponential", 0, 100));
  return std::make_unique<exponential>(rate);
}

constexpr weight_row table[] = {
    {"none", "", "every gradient counts alike, however late", make_even},
    {"inverse", "", "1 / staleness, from the second version on", make_inverse},
    {"exponential", "RATE", "e to the power of -RATE * staleness", make_exponential},
};

} // namespace

std::span<const weight_row> weights() { return table; }

result<std::unique_ptr<staleness_weight>> make_weight(std::span<const weight_row> rows,
                                                      std::string_view spec) {
  return make_from(rows, spec, "weight");
}

} // namespace lagrange::runtime
