// Layers without parameters.
#include "ops/layers.hpp"

#include <stdexcept>

namespace lagrange::ops {

namespace {

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

// `result` makes the shape of a sample after of that before, or refuses it.
template <class Result, class Function>
class plain_layer final : public layer {
public:
  plain_layer(Result result, Function function) : result_(result), function_(function) {}
  shape build(parameter_list&, const shape& sample) override { return result_(sample); }
  variable apply(parameter_values, const variable& x) override { return function_(x); }

private:
  Result result_;
  Function function_;
};

template <class Result, class Function>
std::unique_ptr<layer> plain(Result result, Function function) {
  return std::make_unique<plain_layer<Result, Function>>(result, function);
}

shape same(const shape& sample) { return sample; }

shape check_rows(const shape& sample) {
  if (sample.rank() == 0 || sample.elements() == 0)
    refuse("a softmax needs samples of at least one number in a row, not " + to_string(sample));
  return sample;
}

shape check_pool(const window& how, const shape& sample) {
  const auto [side, stride, padding, groups] = how;
  if (side < 1 || stride < 1 || padding < 0 || padding >= side)
    refuse("average pooling needs a window and a stride of at least 1, and a padding of at least 0 "
           "and less than the window, not " +
           std::to_string(side) + ", " + std::to_string(stride) + " and " +
           std::to_string(padding));
  const auto pixels_min = std::max<std::int64_t>(side - 2 * padding, 1);
  if (sample.rank() != 3 || sample[2] < 1 || sample[0] < pixels_min || sample[1] < pixels_min)
    refuse("average pooling over " + std::to_string(side) + "x" + std::to_string(side) +
           " pixels with a padding of " + std::to_string(padding) +
           " needs images [H, W, C] of at least " + std::to_string(pixels_min) +
           " pixels a side, not " + to_string(sample));
  return {how.steps(sample[0]), how.steps(sample[1]), sample[2]};
}

shape check_image(const shape& sample) {
  if (sample.rank() != 3 || sample.elements() == 0)
    refuse("global average pooling needs images [H, W, C], not " + to_string(sample));
  return {sample[2]};
}

} // namespace

std::unique_ptr<layer> average_pool(const window& how) {
  return plain([how](const shape& sample) { return check_pool(how, sample); },
               [how](const variable& x) { return ops::average_pool(x, how); });
}

std::unique_ptr<layer> global_average_pool() {
  return plain(&check_image, [](const variable& x) { return ops::global_average_pool(x); });
}

std::unique_ptr<layer> dropout(float share) {
  const auto check = [share](const shape& sample) {
    if (!(share >= 0 && share < 1))
      refuse("dropout takes a share of at least 0 and less than 1, not " + std::to_string(share));
    return sample;
  };
  return plain(check, [share](const variable& x) { return ops::dropout(x, share); });
}

std::unique_ptr<layer> gelu() {
  return plain(&same, [](const variable& x) { return ops::gelu(x); });
}

std::unique_ptr<layer> silu() {
  return plain(&same, [](const variable& x) { return ops::silu(x); });
}

std::unique_ptr<layer> tanh() {
  return plain(&same, [](const variable& x) { return ops::tanh(x); });
}

std::unique_ptr<layer> sigmoid() {
  return plain(&same, [](const variable& x) { return ops::sigmoid(x); });
}

std::unique_ptr<layer> softmax() {
  return plain(&check_rows, [](const variable& x) { return ops::softmax(x); });
}

} // namespace lagrange::ops
