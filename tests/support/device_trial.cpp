#include "tests/support/device_trial.hpp"

#include "tests/ops/reference.hpp"

#include <algorithm>
#include <cmath>

namespace lagrange::tests {

using namespace ops;

namespace {

view as_view(const std::vector<float>& from) {
  return {dtype::f32, const_cast<float*>(from.data()), from.size()}; // it is only read
}

pass_result one_pass(const device_trial& what, tape& on) {
  pass_result found;
  on.begin(7);
  std::vector<variable> x;
  for (const auto& each : what.operands)
    found.gradients.emplace_back(each.values.size(), 9.0F); // to be written over
  for (std::size_t i = 0; i < what.operands.size(); ++i)
    x.push_back(
        on.parameter(what.operands[i].extents, what.operands[i].values, found.gradients[i], i));
  const auto y = what.f(on, x);
  if (y.extents().rank() > 0) {
    const auto values = y.floats();
    found.y.assign(values.begin(), values.end());
  }
  if (what.mode == pass_mode::evaluation) return found;
  const auto target = numbers(y.elements(), 77);
  const auto loss = y.extents().rank() == 0
                        ? y
                        : mean_squared_error(y, on.constant(y.extents(), as_view(target)));
  found.loss = on.backward(loss, nullptr, 1);
  return found;
}

} // namespace

pass_result compute(const device_trial& what, processor& on, dtype precision) {
  tape to(what.mode, precision, on);
  one_pass(what, to);
  return one_pass(what, to);
}

double apart(std::span<const float> a, std::span<const float> b, double floor) {
  if (a.size() != b.size()) return INFINITY;
  double largest = floor, distance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return INFINITY;
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    distance = std::max(distance, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return distance / largest;
}

} // namespace lagrange::tests
