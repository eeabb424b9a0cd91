#include "ops/functions.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>

namespace lagrange::ops {

namespace {

struct pool_sizes {
  std::int64_t batch, h, w, c, h_out, w_out;
  window how;
};

// The pixels of a window along one side, without those of the padding.
struct extent {
  std::int64_t first, last;
  extent(std::int64_t step, const window& how, std::int64_t pixels)
      : first(std::max<std::int64_t>(step * how.stride - how.padding, 0)),
        last(std::min(step * how.stride - how.padding + how.side, pixels)) {}
  std::int64_t count() const { return last - first; }
};

// Calls what(place of the first pixel, rows, columns, place of the result) for each window.
template <class What>
inline void for_windows(const pool_sizes& at, What what) {
  std::int64_t result = 0;
  for (std::int64_t b = 0; b < at.batch; ++b)
    for (std::int64_t i = 0; i < at.h_out; ++i)
      for (std::int64_t j = 0; j < at.w_out; ++j, result += at.c) {
        const extent rows(i, at.how, at.h), columns(j, at.how, at.w);
        const auto first = ((b * at.h + rows.first) * at.w + columns.first) * at.c;
        what(first, rows.count(), columns.count(), result);
      }
}

inline void forward_loop(const pool_sizes* at, const float* __restrict x, float* __restrict y) {
  const auto c = at->c, row = at->w * at->c;
  for_windows(*at, [=](auto first, auto rows, auto columns, auto result) {
    float* __restrict sum = y + result;
    for (std::int64_t k = 0; k < c; ++k) sum[k] = 0;
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t s = 0; s < columns; ++s) {
        const float* __restrict pixel = x + first + r * row + s * c;
        for (std::int64_t k = 0; k < c; ++k) sum[k] += pixel[k];
      }
    const float share = 1 / static_cast<float>(rows * columns);
    for (std::int64_t k = 0; k < c; ++k) sum[k] *= share;
  });
}

// Windows may overlap: d_x is 0 before.
inline void backward_loop(const pool_sizes* at, const float* __restrict d_y,
                          float* __restrict d_x) {
  const auto c = at->c, row = at->w * at->c;
  for_windows(*at, [=](auto first, auto rows, auto columns, auto result) {
    const float share = 1 / static_cast<float>(rows * columns);
    const float* __restrict d = d_y + result;
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t s = 0; s < columns; ++s) {
        float* __restrict pixel = d_x + first + r * row + s * c;
        for (std::int64_t k = 0; k < c; ++k) pixel[k] += d[k] * share;
      }
  });
}

class average_pool_operation final : public operation {
public:
  explicit average_pool_operation(const pool_sizes& at) : at_(at) {}
  void forward(const forward_pass& pass) override {
    vectorised<&forward_loop>(&at_, pass.x[0].in().data(), pass.y.out().data());
  }
  void backward(const backward_pass& pass) override {
    std::ranges::fill(pass.d_x[0].out(), 0.0F);
    vectorised<&backward_loop>(static_cast<const pool_sizes*>(&at_), pass.d_y.in().data(),
                               pass.d_x[0].out().data());
  }

private:
  const pool_sizes at_;
};

} // namespace

variable average_pool(const variable& x, const window& how) {
  const auto from = x.extents();
  LAGRANGE_EXPECT(from.rank() == 4 && how.side >= 1 && how.stride >= 1 && how.padding >= 0 &&
                      how.padding < how.side && how.steps(from[1]) >= 1 && how.steps(from[2]) >= 1,
                  "average pooling over " + std::to_string(how.side) + " pixels, " +
                      std::to_string(how.padding) + " of padding, of " + to_string(from));
  return x.on().record(
      {"average_pool",
       {static_cast<double>(how.side), static_cast<double>(how.stride),
        static_cast<double>(how.padding)}},
      {x}, {from[0], how.steps(from[1]), how.steps(from[2]), from[3]},
      [](const operation_site& at) {
        const auto& of = at.x[0];
        const auto number = [&](std::size_t i) {
          return static_cast<std::int64_t>(at.key.numbers[i]);
        };
        return std::unique_ptr<operation>(new average_pool_operation(
            {of[0], of[1], of[2], of[3], at.y[1], at.y[2], {number(0), number(1), number(2)}}));
      });
}

variable global_average_pool(const variable& x) {
  const auto from = x.extents();
  LAGRANGE_EXPECT(from.rank() == 4 && from.elements() > 0,
                  "average pooling over all pixels of " + to_string(from));
  return x.on().record(
      {"global_average_pool"}, {x}, {from[0], from[3]}, [](const operation_site& at) {
        const auto& of = at.x[0];
        // One row of pixels is as good as an image.
        const auto pixels = of[1] * of[2];
        return std::unique_ptr<operation>(
            new average_pool_operation({of[0], 1, pixels, of[3], 1, 1, {pixels, 1, 0}}));
      });
}

} // namespace lagrange::ops
