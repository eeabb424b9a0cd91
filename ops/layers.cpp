#include "ops/layers.hpp"

#include <cmath>
#include <stdexcept>

namespace lagrange::ops {

namespace {

initialiser uniform_for(std::int64_t inputs) {
  return {initialiser::kind_type::uniform, 1 / std::sqrt(static_cast<float>(inputs))};
}

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

class linear_layer final : public layer {
public:
  explicit linear_layer(const linear_options& options) : options_(options) {}

  shape build(parameter_list& into, const shape& sample) override {
    const auto& [outputs, of, has_bias, after] = options_;
    const bool is_of_rows = of == linear_input::row;
    if (is_of_rows && sample.rank() == 0)
      refuse("a linear layer of rows needs samples of at least one extent, not " +
             to_string(sample));
    const auto inputs = is_of_rows ? sample[sample.rank() - 1] : sample.elements();
    if (sample.elements() < 1 || outputs < 1)
      refuse("a linear layer from " + to_string(sample) + " to " + std::to_string(outputs) +
             " numbers: both sides need at least one");
    if (!has_bias && after != activation::none)
      refuse("a linear layer without a bias has no activation either: add a layer for it");
    weight_ = into.add("weight", {inputs, outputs}, uniform_for(inputs));
    if (has_bias) bias_ = into.add("bias", {outputs}, uniform_for(inputs));
    return is_of_rows ? with_last(sample, outputs) : shape{outputs};
  }
  variable apply(parameter_values parameters, const variable& x) override {
    if (!options_.has_bias) return ops::linear(x, parameters[weight_]);
    return ops::linear(x, parameters[weight_], parameters[bias_], options_.after);
  }

private:
  static shape with_last(const shape& sample, std::int64_t last) {
    std::array<std::int64_t, shape::rank_max> extents{};
    std::ranges::copy(sample.extents(), extents.begin());
    extents[sample.rank() - 1] = last;
    return shape(std::span(extents).first(sample.rank()));
  }

  linear_options options_;
  std::size_t weight_ = 0, bias_ = 0;
};

class convolution_layer final : public layer {
public:
  explicit convolution_layer(const convolution_options& options)
      : options_(options), window_{options.kernel, options.stride, options.padding,
                                   options.groups} {}

  shape build(parameter_list& into, const shape& sample) override {
    check(sample);
    const auto channels = sample[2] / options_.groups;
    const auto start = uniform_for(options_.kernel * options_.kernel * channels);
    weight_ =
        into.add("weight", {options_.kernel, options_.kernel, channels, options_.outputs}, start);
    if (options_.has_bias) bias_ = into.add("bias", {options_.outputs}, start);
    return {window_.steps(sample[0]), window_.steps(sample[1]), options_.outputs};
  }
  variable apply(parameter_values parameters, const variable& x) override {
    if (options_.has_bias)
      return ops::convolution(x, parameters[weight_], parameters[bias_], window_, options_.after);
    return ops::convolution(x, parameters[weight_], window_);
  }

private:
  void check(const shape& sample) const {
    const auto& [outputs, kernel, stride, padding, groups, has_bias, after] = options_;
    if (outputs < 1 || kernel < 1 || stride < 1 || padding < 0 || groups < 1)
      refuse("a convolution needs at least one output and group, a kernel and a stride of at least "
             "1, and a padding of at least 0");
    if (!has_bias && after != activation::none)
      refuse("a convolution without a bias has no activation either: add a layer for it");
    const auto pixels_min = std::max<std::int64_t>(kernel - 2 * padding, 1);
    if (sample.rank() != 3 || sample.elements() == 0 || sample[0] < pixels_min ||
        sample[1] < pixels_min)
      refuse("a convolution with a kernel of " + std::to_string(kernel) + " and a padding of " +
             std::to_string(padding) + " needs images [H, W, C] of at least " +
             std::to_string(pixels_min) + " pixels a side, not " + to_string(sample));
    if (sample[2] % groups != 0 || outputs % groups != 0)
      refuse("a convolution in " + std::to_string(groups) + " groups needs channels and outputs " +
             "that they divide, not " + std::to_string(sample[2]) + " and " +
             std::to_string(outputs));
  }

  convolution_options options_;
  window window_;
  std::size_t weight_ = 0, bias_ = 0;
};

class max_pool_layer final : public layer {
public:
  max_pool_layer(std::int64_t side, std::int64_t stride) : window_{side, stride, 0, 1} {}

  shape build(parameter_list&, const shape& sample) override {
    const auto side = window_.side;
    if (side < 1 || window_.stride < 1)
      refuse("max pooling needs a window and a stride of at least 1");
    if (sample.rank() != 3 || sample[0] < side || sample[1] < side)
      refuse("max pooling over " + std::to_string(side) + "x" + std::to_string(side) +
             " pixels needs images [H, W, C] of at least that size, not " + to_string(sample));
    if (sample.elements() > INT32_MAX)
      refuse("max pooling takes samples of less than 2^31 numbers, not " + to_string(sample));
    return {window_.steps(sample[0]), window_.steps(sample[1]), sample[2]};
  }
  variable apply(parameter_values, const variable& x) override { return ops::max_pool(x, window_); }

private:
  window window_;
};

class subsample_layer final : public layer {
public:
  subsample_layer(std::int64_t stride, std::int64_t channels)
      : stride_(stride), channels_(channels) {}

  shape build(parameter_list&, const shape& sample) override {
    if (stride_ < 1) refuse("subsampling needs a stride of at least 1");
    if (sample.rank() != 3 || channels_ < sample[2] || (channels_ - sample[2]) % 2 != 0)
      refuse("subsampling to " + std::to_string(channels_) + " channels needs images [H, W, C] " +
             "with an even number of channels less, not " + to_string(sample));
    return {(sample[0] + stride_ - 1) / stride_, (sample[1] + stride_ - 1) / stride_, channels_};
  }
  variable apply(parameter_values, const variable& x) override {
    return ops::subsample(x, stride_, channels_);
  }

private:
  std::int64_t stride_, channels_;
};

/// A function of one variable that keeps its shape.
class function_layer final : public layer {
public:
  explicit function_layer(variable (*function)(const variable&)) : function_(function) {}
  shape build(parameter_list&, const shape& sample) override { return sample; }
  variable apply(parameter_values, const variable& x) override { return function_(x); }

private:
  variable (*function_)(const variable&);
};

class residual_layer final : public layer {
public:
  residual_layer(std::unique_ptr<layer> inner, std::unique_ptr<layer> shortcut, activation after)
      : inner_(std::move(inner)), shortcut_(std::move(shortcut)), after_(after) {}

  shape build(parameter_list& into, const shape& sample) override {
    const auto made = inner_->build(into, sample);
    auto shortcuts = into.within("shortcut");
    const auto around = shortcut_ ? shortcut_->build(shortcuts, sample) : sample;
    if (made != around)
      refuse("a residual whose inner layers make " + to_string(made) + " of " + to_string(sample) +
             " needs a shortcut that does so too, not one that makes " + to_string(around));
    return made;
  }
  variable apply(parameter_values parameters, const variable& x) override {
    const auto inner = inner_->apply(parameters, x);
    return ops::add(inner, shortcut_ ? shortcut_->apply(parameters, x) : x, after_);
  }

private:
  std::unique_ptr<layer> inner_, shortcut_;
  activation after_;
};

} // namespace

std::size_t parameter_list::add(const std::string& name, const shape& extents,
                                const initialiser& start) {
  specs_->push_back({prefix_ + name, extents, start});
  return specs_->size() - 1;
}

parameter_list parameter_list::within(const std::string& name) const {
  auto made = *this;
  made.prefix_ += name + ".";
  return made;
}

sequential& sequential::add(const std::string& name, std::unique_ptr<layer> next) {
  layers_.emplace_back(name, std::move(next));
  return *this;
}

shape sequential::build(parameter_list& into, const shape& sample) {
  auto now = sample;
  for (auto& [name, each] : layers_) {
    auto inside = into.within(name);
    now = each->build(inside, now);
  }
  return now;
}

variable sequential::apply(parameter_values parameters, const variable& x) {
  auto now = x;
  for (auto& [name, each] : layers_) now = each->apply(parameters, now);
  return now;
}

std::unique_ptr<layer> residual(std::unique_ptr<layer> inner, std::unique_ptr<layer> shortcut,
                                activation after) {
  return std::make_unique<residual_layer>(std::move(inner), std::move(shortcut), after);
}

std::unique_ptr<layer> linear(const linear_options& options) {
  return std::make_unique<linear_layer>(options);
}

std::unique_ptr<layer> convolution(const convolution_options& options) {
  return std::make_unique<convolution_layer>(options);
}

std::unique_ptr<layer> max_pool(std::int64_t side, std::int64_t stride) {
  return std::make_unique<max_pool_layer>(side, stride);
}

std::unique_ptr<layer> subsample(std::int64_t stride, std::int64_t channels) {
  return std::make_unique<subsample_layer>(stride, channels);
}

std::unique_ptr<layer> relu() {
  return std::make_unique<function_layer>([](const variable& x) { return ops::relu(x); });
}

} // namespace lagrange::ops
