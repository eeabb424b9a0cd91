#include "reference.hpp"

#include <algorithm>
#include <limits>

namespace lagrange::tests {

std::vector<double> linear_reference(std::span<const float> x, std::span<const float> w,
                                     std::span<const float> b, std::int64_t batch) {
  const auto outputs = std::ssize(b);
  const auto inputs = std::ssize(w) / outputs;
  std::vector<double> y;
  for (std::int64_t i = 0; i < batch; ++i)
    for (std::int64_t o = 0; o < outputs; ++o) {
      double sum = b[static_cast<std::size_t>(o)];
      for (std::int64_t k = 0; k < inputs; ++k)
        sum += static_cast<double>(x[static_cast<std::size_t>(i * inputs + k)]) *
               static_cast<double>(w[static_cast<std::size_t>(k * outputs + o)]);
      y.push_back(sum);
    }
  return y;
}

namespace {

// Element [b, h, w, c] of images, 0 outside of them.
double pixel(std::span<const float> x, const ops::shape& sample, std::int64_t b, std::int64_t h,
             std::int64_t w, std::int64_t c) {
  if (h < 0 || w < 0 || h >= sample[0] || w >= sample[1]) return 0;
  return x[static_cast<std::size_t>(((b * sample[0] + h) * sample[1] + w) * sample[2] + c)];
}

} // namespace

std::vector<double> convolution_reference(std::span<const float> x, std::span<const float> w,
                                          std::span<const float> b, std::int64_t batch,
                                          const ops::shape& sample,
                                          const ops::convolution_options& at) {
  const auto height = (sample[0] + 2 * at.padding - at.kernel) / at.stride + 1;
  const auto width = (sample[1] + 2 * at.padding - at.kernel) / at.stride + 1;
  std::vector<double> y;
  for (std::int64_t i = 0; i < batch * height * width * at.outputs; ++i) {
    const auto o = i % at.outputs;
    const auto left = i / at.outputs % width * at.stride - at.padding;
    const auto top = i / at.outputs / width % height * at.stride - at.padding;
    const auto image = i / at.outputs / width / height;
    const auto channels = sample[2] / at.groups;
    const auto channel_first = o / (at.outputs / at.groups) * channels;
    double sum = b[static_cast<std::size_t>(o)];
    for (std::int64_t k = 0; k < at.kernel * at.kernel * channels; ++k) {
      const auto c = k % channels;
      const auto s = k / channels % at.kernel;
      const auto r = k / channels / at.kernel;
      sum += pixel(x, sample, image, top + r, left + s, channel_first + c) *
             w[static_cast<std::size_t>(k * at.outputs + o)];
    }
    y.push_back(at.after == ops::activation::relu ? std::max(sum, 0.0) : sum);
  }
  return y;
}

std::vector<double> max_pool_reference(std::span<const float> x, std::int64_t batch,
                                       const ops::shape& sample, const ops::window& at) {
  const auto height = (sample[0] - at.side) / at.stride + 1;
  const auto width = (sample[1] - at.side) / at.stride + 1;
  std::vector<double> y;
  for (std::int64_t i = 0; i < batch * height * width * sample[2]; ++i) {
    const auto c = i % sample[2];
    const auto left = i / sample[2] % width * at.stride;
    const auto top = i / sample[2] / width % height * at.stride;
    const auto image = i / sample[2] / width / height;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::int64_t k = 0; k < at.side * at.side; ++k)
      largest =
          std::max(largest, pixel(x, sample, image, top + k / at.side, left + k % at.side, c));
    y.push_back(largest);
  }
  return y;
}

double distance(std::span<const float> a, std::span<const double> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double apart = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    if (!(apart <= largest)) largest = apart;
    if (std::isnan(apart)) return std::numeric_limits<double>::infinity();
  }
  return largest;
}

} // namespace lagrange::tests
