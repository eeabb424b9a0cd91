#include "function_trial.hpp"

#include "reference.hpp"

#include <algorithm>
#include <numeric>

namespace lagrange::tests {

using namespace ops;

namespace {

class weigh_operation final : public operation {
public:
  void forward(const forward_pass& pass) override {
    const auto x = pass.x[0].in(), w = pass.x[1].in();
    pass.y.out()[0] = static_cast<float>(std::inner_product(x.begin(), x.end(), w.begin(), 0.0));
  }
  void backward(const backward_pass& pass) override {
    const float d = pass.d_y.in()[0];
    std::ranges::transform(pass.x[1].in(), pass.d_x[0].out().begin(),
                           [d](float w) { return d * w; });
  }
};

view as_view(const std::vector<float>& from) {
  return {dtype::f32, const_cast<float*>(from.data()), from.size()}; // it is only read
}

} // namespace

variable weigh(const variable& x, const variable& w) {
  return x.on().record({"weigh"}, {x, w}, shape{}, [](const operation_site&) {
    return std::unique_ptr<operation>(new weigh_operation);
  });
}

operand_values::operand_values(const shape& of, std::uint64_t seed)
    : extents(of), values(numbers(of.elements(), seed)) {}
operand_values::operand_values(const shape& of, std::vector<float> from)
    : extents(of), values(std::move(from)) {}

std::vector<variable> function_trial::lay(tape& on, std::vector<std::vector<float>>* gradients) {
  on.begin(key);
  std::vector<variable> made;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const auto& each = operands[i];
    std::span<float> d;
    if (gradients != nullptr)
      d = gradients->emplace_back(each.values.size(), 7.0F); // to be overwritten
    made.push_back(on.parameter(each.extents, each.values, d, i));
  }
  return made;
}

std::vector<float> function_trial::forward(pass_mode mode) {
  auto& on = mode == pass_mode::training ? training_ : evaluation_;
  const auto made = f_(on, lay(on, nullptr));
  const auto y = made.values<float>();
  return {y.begin(), y.end()};
}

std::vector<std::vector<float>> function_trial::gradients(const std::vector<float>& d_y) {
  std::vector<std::vector<float>> found;
  found.reserve(operands.size());
  const auto operands_now = lay(training_, &found);
  const auto y = f_(training_, operands_now);
  const auto loss = weigh(y, training_.constant(y.extents(), as_view(d_y)));
  training_.backward(loss);
  return found;
}

double function_trial::slope_error(double step) {
  const auto weights = numbers(std::ssize(forward()), 77);
  const auto found = gradients(weights);
  const auto weighed = [&] {
    const auto y = forward();
    return std::inner_product(y.begin(), y.end(), weights.begin(), 0.0);
  };
  double worst = 0;
  for (std::size_t operand = 0; operand < operands.size(); ++operand) {
    auto& moved = operands[operand].values;
    double apart = 0, largest = 1e-6;
    const auto stride = std::max<std::size_t>(1, moved.size() / 97);
    for (std::size_t i = 0; i < moved.size(); i += stride) {
      const float kept = moved[i];
      const auto at = [&](double by) {
        moved[i] = static_cast<float>(kept + by);
        return std::pair(weighed(), static_cast<double>(moved[i]));
      };
      const auto [up, above] = at(step);
      const auto [down, below] = at(-step);
      moved[i] = kept;
      const double slope = (up - down) / (above - below);
      apart = std::max(apart, std::abs(slope - found[operand][i]));
      largest = std::max(largest, std::abs(slope));
    }
    worst = std::max(worst, apart / largest);
  }
  return worst;
}

} // namespace lagrange::tests
