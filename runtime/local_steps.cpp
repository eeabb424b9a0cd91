#include "runtime/local_steps.hpp"

#include "runtime/error.hpp"

#include <algorithm>

namespace lagrange::runtime {

local_steps::local_steps(local_options options, std::span<const ops::parameter_spec> specs)
    : options_(std::move(options)) {
  LAGRANGE_EXPECT(options_.optimizer != nullptr && options_.batch > 0, "no local steps");
  std::size_t first = 0;
  for (const auto& spec : specs) {
    LAGRANGE_EXPECT(!spec.is_table(), "local steps over a table");
    const auto elements = static_cast<std::size_t>(spec.extents.elements());
    tensors_.push_back({first, elements, spec.kind == ops::parameter_spec::kind_type::weight});
    first += elements;
  }
}

void local_steps::begin(std::span<float> parameters, std::uint64_t samples) {
  pulled_.assign(parameters.begin(), parameters.end());
  samples_ = samples;
  if (options_.elasticity > 0 && !own_.empty()) std::ranges::copy(own_, parameters.begin());
}

void local_steps::step(std::span<float> parameters, std::span<const float> gradient, float scale,
                       std::uint64_t samples) {
  constexpr float statistic_share = 0.1F;
  options_.optimizer->begin_step(options_.rate.share(samples_, samples));
  samples_ += samples;
  for (const auto& [first, elements, is_weight] : tensors_) {
    const auto own = parameters.subspan(first, elements);
    const auto g = gradient.subspan(first, elements);
    if (!is_weight) {
      for (std::size_t i = 0; i < elements; ++i) own[i] -= statistic_share * g[i];
      continue;
    }
    options_.optimizer->step_part(first, own, g, scale);
    options_.optimizer->end_tensor(first, own, 1);
  }
}

void local_steps::end(std::span<const float> parameters, std::span<float> delta) {
  if (options_.elasticity == 0) {
    for (std::size_t i = 0; i < delta.size(); ++i) delta[i] = pulled_[i] - parameters[i];
    return;
  }
  own_.assign(parameters.begin(), parameters.end());
  for (std::size_t i = 0; i < delta.size(); ++i) {
    delta[i] = options_.elasticity * (pulled_[i] - own_[i]);
    own_[i] += delta[i];
  }
}

} // namespace lagrange::runtime
