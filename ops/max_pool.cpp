#include "ops/layers.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace lagrange::ops {

namespace {

// Sizes of one sample: heights and widths in and out, channels.
struct pool_sizes {
  std::int64_t h, w, c, h_out, w_out, window, stride;
};

// A row of results, each the largest of its window; a place is that of the winner in its sample.
// A NaN wins, and stays.
inline void pool_row(const pool_sizes& at, const float* __restrict x, std::int64_t first,
                     float* __restrict y, std::int32_t* __restrict places) {
  for (std::int64_t w = 0; w < at.w_out; ++w, first += at.stride * at.c)
    for (std::int64_t c = 0; c < at.c; ++c, ++y, ++places) {
      *y = x[first + c];
      *places = static_cast<std::int32_t>(first + c);
      for (std::int64_t r = 0; r < at.window; ++r)
        for (std::int64_t s = 0; s < at.window; ++s) {
          const auto place = first + c + (r * at.w + s) * at.c;
          const bool larger = (x[place] > *y) | (x[place] != x[place]);
          *y = larger ? x[place] : *y;
          *places = larger ? static_cast<std::int32_t>(place) : *places;
        }
    }
}

// The same for windows of two by two, without the loops that keep it from being vectorised.
inline void pool_row_by_two(const pool_sizes& at, const float* __restrict x, std::int64_t first,
                            float* __restrict y, std::int32_t* __restrict places) {
  const auto row = static_cast<std::int32_t>(at.w * at.c);
  const auto pixel = static_cast<std::int32_t>(at.c);
  for (std::int64_t w = 0; w < at.w_out;
       ++w, first += at.stride * at.c, y += at.c, places += at.c) {
    const float* x00 = x + first;
    const float* x10 = x00 + row;
    for (std::int32_t c = 0; c < pixel; ++c) {
      const auto take = [](float& best, std::int32_t& from, float value, std::int32_t place) {
        const bool larger = (value > best) | (value != value);
        best = larger ? value : best;
        from = larger ? place : from;
      };
      float best = x00[c];
      std::int32_t from = 0;
      take(best, from, x00[c + pixel], pixel);
      take(best, from, x10[c], row);
      take(best, from, x10[c + pixel], row + pixel);
      y[c] = best;
      places[c] = from + static_cast<std::int32_t>(first) + c;
    }
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
      const auto row = at_.w_out * at_.c;
      for (std::int64_t h = 0; h < at_.h_out; ++h, y += row, places += row)
        if (at_.window == 2)
          vectorised<&pool_row_by_two>(at_, x, h * at_.stride * at_.w * at_.c, y, places);
        else
          vectorised<&pool_row>(at_, x, h * at_.stride * at_.w * at_.c, y, places);
    }
  }

  void backward(const backward_pass& pass) override {
    if (pass.d_x.empty()) return;
    std::ranges::fill(pass.d_x, 0.0F);
    const auto results = output_.elements();
    for (std::int64_t b = 0; b < pass.batch; ++b) {
      float* d_x = pass.d_x.data() + b * input_.elements();
      const float* d_y = pass.d_y.data() + b * results;
      const std::int32_t* places = places_.data() + b * results;
      for (std::int64_t i = 0; i < results; ++i) d_x[places[i]] += d_y[i];
    }
  }

private:
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
