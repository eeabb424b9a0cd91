#include "ops/pair_scores.hpp"

#include "ops/contract.hpp"
#include "ops/exponential.hpp"
#include "ops/lanes.hpp"
#include "ops/random.hpp"
#include "ops/rows.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <cmath>

namespace lagrange::ops {

namespace {

struct score_rows {
  const float *a, *b, *a_bias, *b_bias;
  const std::int32_t* rows;
  std::size_t count, length, width;
};

inline void score_loop(const score_rows& at, float* __restrict y) {
  const std::int32_t* row = at.rows;
  for (std::size_t i = 0; i < at.count; ++i, row += at.length) {
    const auto u = static_cast<std::size_t>(row[0]);
    const float* a = at.a + u * at.width;
    for (std::size_t j = 1; j < at.length; ++j) {
      const auto v = static_cast<std::size_t>(row[j]);
      const float* b = at.b + v * at.width;
      const float product = sum_in_lanes(at.width, [=](std::size_t k) { return a[k] * b[k]; });
      *y++ = at.a_bias == nullptr ? product : product + at.a_bias[u] + at.b_bias[v];
    }
  }
}

// -log(1 / (1 + e^-x)), which cannot overflow.
double logistic_loss(float x) { return std::max(-x, 0.0F) + std::log1p(std::exp(-std::abs(x))); }

// Of one row; d_y may be empty.
double row_loss(pair_loss kind, std::span<const float> y, std::span<float> d_y) {
  const bool is_pairwise = kind == pair_loss::pairwise;
  double loss = is_pairwise ? 0 : logistic_loss(y[0]);
  float d_first = is_pairwise ? 0 : -logistic(-y[0]);
  for (std::size_t k = 1; k < y.size(); ++k) {
    const float ahead = is_pairwise ? y[0] - y[k] : -y[k];
    loss += logistic_loss(ahead);
    if (d_y.empty()) continue;
    d_y[k] = logistic(-ahead);
    if (is_pairwise) d_first -= d_y[k];
  }
  if (!d_y.empty()) d_y[0] = d_first;
  return loss;
}

} // namespace

void expect_pairs(const pair_tables& tables, std::span<const std::int32_t> rows,
                  std::int64_t length) {
  expect_pairs(rows, length, std::ssize(tables.a) / tables.width,
               std::ssize(tables.b) / tables.width);
}

void expect_pairs(std::span<const std::int32_t> rows, std::int64_t length, std::int64_t rows_a,
                  std::int64_t rows_b) {
  const auto step = static_cast<std::size_t>(length);
  for (std::size_t i = 0; i < rows.size(); i += step) {
    expect_rows(rows.subspan(i, 1), rows_a);
    expect_rows(rows.subspan(i + 1, step - 1), rows_b);
  }
}

void score_pairs(const pair_tables& tables, std::span<const std::int32_t> rows, std::int64_t length,
                 std::span<float> y) {
  const auto step = static_cast<std::size_t>(length);
  const score_rows at{tables.a.data(),
                      tables.b.data(),
                      tables.a_bias.data(),
                      tables.b_bias.data(),
                      rows.data(),
                      rows.size() / step,
                      step,
                      static_cast<std::size_t>(tables.width)};
  vectorised<&score_loop>(at, y.data());
}

void draw_negatives(std::span<const std::int32_t> pairs, std::int64_t table_rows, std::uint64_t key,
                    std::span<std::int32_t> rows) {
  LAGRANGE_EXPECT(table_rows >= 2, "others than the only row of a table");
  const auto others = static_cast<std::uint64_t>(table_rows - 1);
  const auto length = rows.size() / (pairs.size() / 2);
  const random_sequence drawn(key, 0);
  std::uint64_t place = 0;
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    const auto row = rows.subspan(i / 2 * length, length);
    row[0] = pairs[i];
    row[1] = pairs[i + 1];
    for (std::size_t j = 2; j < length; ++j) {
      const auto other = static_cast<std::int32_t>(drawn.bits(place++) % others);
      row[j] = other < row[1] ? other : other + 1;
    }
  }
}

double pair_losses(pair_loss kind, std::int64_t n, std::span<const float> y, std::span<float> d_y) {
  const auto step = static_cast<std::size_t>(n);
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); i += step)
    sum += row_loss(kind, y.subspan(i, step), d_y.empty() ? d_y : d_y.subspan(i, step));
  return sum;
}

scores pair_ranks(pair_loss kind, std::int64_t n, std::span<const float> y) {
  const auto step = static_cast<std::size_t>(n);
  scores found;
  found.samples = std::ssize(y) / n;
  found.loss_sum = pair_losses(kind, n, y, {});
  for (std::size_t i = 0; i < y.size(); i += step) {
    const auto others = y.subspan(i + 1, step - 1);
    const auto behind = std::ranges::count_if(others, [&](float each) { return each < y[i]; });
    const auto rank = std::ssize(others) - behind; // from 0 on
    found.correct += rank < std::max<std::int64_t>(n / 10, 1) ? 1 : 0;
  }
  return found;
}

} // namespace lagrange::ops
