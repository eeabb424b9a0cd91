#include "ops/functions.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
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

// Operand: x.
class max_pool_operation final : public operation {
public:
  explicit max_pool_operation(const operation_site& made)
      : batch_(made.y[0]), at_{made.x[0][1],
                               made.x[0][2],
                               made.x[0][3],
                               made.y[1],
                               made.y[2],
                               static_cast<std::int64_t>(made.key.numbers[0]),
                               static_cast<std::int64_t>(made.key.numbers[1])},
        places_(static_cast<std::size_t>(made.y.elements())) {}

  void forward(const forward_pass& pass) override {
    const float* x = pass.x[0].in().data();
    float* y = pass.y.out().data();
    std::int32_t* places = places_.data();
    const auto row = at_.w_out * at_.c;
    for (std::int64_t b = 0; b < batch_; ++b, x += at_.h * at_.w * at_.c)
      for (std::int64_t h = 0; h < at_.h_out; ++h, y += row, places += row)
        if (at_.window == 2)
          vectorised<&pool_row_by_two>(at_, x, h * at_.stride * at_.w * at_.c, y, places);
        else
          vectorised<&pool_row>(at_, x, h * at_.stride * at_.w * at_.c, y, places);
  }

  void backward(const backward_pass& pass) override {
    std::ranges::fill(pass.d_x[0].out(), 0.0F);
    float* d_x = pass.d_x[0].out().data();
    const float* d_y = pass.d_y.in().data();
    const std::int32_t* places = places_.data();
    const auto results = at_.h_out * at_.w_out * at_.c;
    for (std::int64_t b = 0; b < batch_;
         ++b, d_x += at_.h * at_.w * at_.c, d_y += results, places += results)
      for (std::int64_t i = 0; i < results; ++i) d_x[places[i]] += d_y[i];
  }

private:
  std::int64_t batch_;
  pool_sizes at_;
  std::vector<std::int32_t> places_; ///< of the winners of the last forward pass, in their sample
};

} // namespace

variable max_pool(const variable& x, const window& how) {
  const auto& from = x.extents();
  LAGRANGE_EXPECT(from.rank() == 4 && how.side >= 1 && how.stride >= 1 && how.padding == 0 &&
                      how.steps(from[1]) >= 1 && how.steps(from[2]) >= 1 &&
                      from.elements() / from[0] <= INT32_MAX,
                  "max pooling over " + std::to_string(how.side) + " pixels of " + to_string(from));
  return x.on().record(
      {"max_pool", {static_cast<double>(how.side), static_cast<double>(how.stride)}}, {x},
      {from[0], how.steps(from[1]), how.steps(from[2]), from[3]}, [](const operation_site& at) {
        return std::unique_ptr<operation>(new max_pool_operation(at));
      });
}

} // namespace lagrange::ops
