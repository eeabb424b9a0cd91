// Layers that normalise.
#include "ops/layers.hpp"

#include <stdexcept>

namespace lagrange::ops {

namespace {

constexpr initialiser zeros{initialiser::kind_type::zeros};
constexpr initialiser ones{initialiser::kind_type::ones};

// Returns how many numbers a row has.
std::int64_t check(const std::string& what, const shape& sample, float epsilon) {
  if (!(epsilon > 0))
    throw std::invalid_argument(what + " needs an epsilon above 0, not " + std::to_string(epsilon));
  if (sample.rank() == 0 || sample.elements() == 0)
    throw std::invalid_argument(what + " needs samples of at least one channel, not " +
                                to_string(sample));
  return sample[sample.rank() - 1];
}

class batch_norm_layer final : public layer {
public:
  explicit batch_norm_layer(const batch_norm_options& options) : options_(options) {}

  shape build(parameter_list& into, const shape& sample) override {
    const auto channels = check("batch norm", sample, options_.epsilon);
    scale_ = into.add("scale", {channels}, ones);
    shift_ = into.add("shift", {channels}, zeros);
    mean_ = into.add_statistic("mean", {channels}, zeros);
    variance_ = into.add_statistic("variance", {channels}, ones);
    return sample;
  }
  variable apply(parameter_values of, const variable& x) override {
    return ops::batch_norm(x, of[scale_], of[shift_], {of[mean_], of[variance_]}, options_);
  }

private:
  batch_norm_options options_;
  std::size_t scale_ = 0, shift_ = 0, mean_ = 0, variance_ = 0;
};

class layer_norm_layer final : public layer {
public:
  explicit layer_norm_layer(float epsilon) : epsilon_(epsilon) {}

  shape build(parameter_list& into, const shape& sample) override {
    const auto columns = check("layer norm", sample, epsilon_);
    scale_ = into.add("scale", {columns}, ones);
    shift_ = into.add("shift", {columns}, zeros);
    return sample;
  }
  variable apply(parameter_values of, const variable& x) override {
    return ops::layer_norm(x, of[scale_], of[shift_], epsilon_);
  }

private:
  float epsilon_;
  std::size_t scale_ = 0, shift_ = 0;
};

class rms_norm_layer final : public layer {
public:
  explicit rms_norm_layer(float epsilon) : epsilon_(epsilon) {}

  shape build(parameter_list& into, const shape& sample) override {
    scale_ = into.add("scale", {check("RMS norm", sample, epsilon_)}, ones);
    return sample;
  }
  variable apply(parameter_values of, const variable& x) override {
    return ops::rms_norm(x, of[scale_], epsilon_);
  }

private:
  float epsilon_;
  std::size_t scale_ = 0;
};

} // namespace

std::size_t parameter_list::add_statistic(const std::string& name, const shape& extents,
                                          const initialiser& start) {
  const auto position = add(name, extents, start);
  (*specs_)[position].kind = parameter_spec::kind_type::statistic;
  return position;
}

std::size_t parameter_list::add_table(const std::string& name, const shape& extents,
                                      const initialiser& start) {
  const auto position = add(name, extents, start);
  (*specs_)[position].kind = parameter_spec::kind_type::table;
  return position;
}

std::unique_ptr<layer> batch_norm(const batch_norm_options& options) {
  return std::make_unique<batch_norm_layer>(options);
}

std::unique_ptr<layer> layer_norm(float epsilon) {
  return std::make_unique<layer_norm_layer>(epsilon);
}

std::unique_ptr<layer> rms_norm(float epsilon) { return std::make_unique<rms_norm_layer>(epsilon); }

} // namespace lagrange::ops
