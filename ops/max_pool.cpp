#include "ops/layers.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace lagrange::ops {

namespace {

// Sizes of one sample: heights and widths in and out, channels.
struct pool_sizes {
  std::int64_t h, w, c, h_out, w_out, window, stride;
};

[[gnu::target_clones("avx512f", "avx2", "default")]] void
take_larger(const float* __restrict x, std::int32_t place, float* __restrict best,
            std::int32_t* __restrict places, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const bool larger = (x[i] > best[i]) | (x[i] != x[i]); // a NaN wins, and stays
    best[i] = larger ? x[i] : best[i];
    places[i] = larger ? place : places[i];
  }
}

class max_pool_layer final : public layer {
public:
  max_pool_layer(const shape& sample, const max_pool_options& options)
      : input_(sample), output_{(sample[0] - options.window) / options.stride + 1,
                                (sample[1] - options.window) / options.stride + 1, sample[2]},
        at_{sample[0],  sample[1],      sample[2],     output_[0],
            output_[1], options.window, options.stride} {}

  const shape& input() const override { return input_; }
  const shape& output() const override { return output_; }

  void forward(const forward_pass& pass) override {
    if (places_.size() < pass.y.size()) places_.resize(pass.y.size());
    for (std::int64_t b = 0; b < pass.batch; ++b) {
      const float* x = pass.x.data() + b * input_.elements();
      float* y = pass.y.data() + b * output_.elements();
      std::int32_t* places = places_.data() + b * output_.elements();
      for (std::int64_t h = 0; h < at_.h_out; ++h)
        for (std::int64_t w = 0; w < at_.w_out; ++w, y += at_.c, places += at_.c)
          pool(x, h * at_.stride, w * at_.stride, y, places);
    }
  }

  void backward(const backward_pass& pass) override {
    if (pass.d_x.empty()) return;
    std::ranges::fill(pass.d_x, 0.0F);
    const auto window = output_.elements();
    for (std::int64_t b = 0; b < pass.batch; ++b) {
      float* d_x = pass.d_x.data() + b * input_.elements();
      const float* d_y = pass.d_y.data() + b * window;
      const std::int32_t* places = places_.data() + b * window;
      for (std::int64_t i = 0; i < window; i += at_.c)
        for (std::int64_t c = 0; c < at_.c; ++c) d_x[places[i + c] + c] += d_y[i + c];
    }
  }

private:
  // One window, all channels. A place is that of the winner's pixel in its sample.
  void pool(const float* x, std::int64_t h, std::int64_t w, float* y, std::int32_t* places) const {
    const auto first = (h * at_.w + w) * at_.c;
    std::copy_n(x + first, at_.c, y);
    std::fill_n(places, at_.c, static_cast<std::int32_t>(first));
    for (std::int64_t r = 0; r < at_.window; ++r)
      for (std::int64_t s = r == 0 ? 1 : 0; s < at_.window; ++s) {
        const auto place = first + (r * at_.w + s) * at_.c;
        take_larger(x + place, static_cast<std::int32_t>(place), y, places, at_.c);
      }
  }

  shape input_, output_;
  pool_sizes at_;
  std::vector<std::int32_t> places_; ///< of the winners of the last forward pass
};

} // namespace

std::unique_ptr<layer> max_pool(const shape& sample, const max_pool_options& options) {
  if (options.window < 1 || options.stride < 1)
    throw std::invalid_argument("max pooling needs a window and a stride of at least 1");
  if (sample.rank() != 3 || sample[0] < options.window || sample[1] < options.window)
    throw std::invalid_argument("max pooling over " + std::to_string(options.window) + "x" +
                                std::to_string(options.window) +
                                " pixels needs images [H, W, C] of at least that size, not " +
                                to_string(sample));
  if (sample.elements() > INT32_MAX)
    throw std::invalid_argument("max pooling takes samples of less than 2^31 numbers, not " +
                                to_string(sample));
  return std::make_unique<max_pool_layer>(sample, options);
}

} // namespace lagrange::ops
