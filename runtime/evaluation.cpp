#include "runtime/evaluation.hpp"

#include <algorithm>
#include <numeric>

namespace lagrange::runtime {

namespace {
/// Samples of one forward pass: large enough for the products, small enough for the cache.
constexpr std::size_t batch_samples = 250;
} // namespace

ops::scores evaluate(computation& with, const dataset& samples,
                     std::span<const std::shared_ptr<const pull_reply>> parameters) {
  ops::scores total;
  std::vector<std::uint32_t> positions;
  for (std::size_t first = 0; first < samples.size(); first += batch_samples) {
    positions.resize(std::min(batch_samples, samples.size() - first));
    std::iota(positions.begin(), positions.end(), static_cast<std::uint32_t>(first));
    const auto part = with.evaluate(parameters, samples.gather(positions));
    total.loss_sum += part.loss_sum;
    total.correct += part.correct;
    total.samples += part.samples;
  }
  return total;
}

} // namespace lagrange::runtime
