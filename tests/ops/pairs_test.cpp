// Functions and models of pairs of rows, and of sparse rows.
#include "function_trial.hpp"
#include "model_samples.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <bit>

using namespace lagrange;
using namespace lagrange::ops;
using tests::function_trial;
using tests::numbers;

namespace {

constexpr double slope_error_max = 2e-3;
using operands = std::span<const variable>;

view as_view(const std::vector<std::int32_t>& from) {
  return {dtype::i32, const_cast<std::int32_t*>(from.data()), from.size()}; // it is only read
}

const std::vector<std::int32_t> three_rows{1, 4, 0, 4, 3, 0, 2, 1, 1, 4, 3, 0};

// Tables of 4 and 5 rows, of width 3, and a batch of three with two others each.
function_trial pairs_trial(pair_loss loss) {
  return {{{{4, 3}, 1}, {{5, 3}, 2}, {{4}, 3}, {{5}, 4}}, [=](tape& on, operands x) {
            return sampled_negatives_loss(on.constant({3, 4}, as_view(three_rows)),
                                          biased_table{x[0], x[2]}, biased_table{x[1], x[3]},
                                          {.count = 0, .loss = loss});
          }};
}

double pairs_reference(const function_trial& of, pair_loss loss) {
  const auto number = [&](std::size_t operand, std::int32_t row, std::size_t k) -> double {
    const auto width = operand < 2 ? 3U : 1U;
    return of.operands[operand].values[static_cast<std::size_t>(row) * width + k];
  };
  const auto term = [](double x) { return -std::log(1 / (1 + std::exp(-x))); };
  double sum = 0;
  for (std::size_t i = 0; i < 12; i += 4) {
    std::array<double, 3> y{};
    for (std::size_t j = 0; j < 3; ++j) {
      const auto u = three_rows[i], v = three_rows[i + 1 + j];
      y[j] = number(2, u, 0) + number(3, v, 0);
      for (std::size_t k = 0; k < 3; ++k) y[j] += number(0, u, k) * number(1, v, k);
    }
    sum += loss == pair_loss::pairwise ? term(y[0] - y[1]) + term(y[0] - y[2])
                                       : term(y[0]) + term(-y[1]) + term(-y[2]);
  }
  return sum / 3;
}

// Rows of three places in a table of five features.
function_trial sparse_trial(std::int64_t outputs, std::vector<std::int32_t> features) {
  std::vector<std::int32_t> rows;
  for (std::size_t i = 0; i < features.size(); ++i) {
    rows.push_back(features[i]);
    rows.push_back(std::bit_cast<std::int32_t>(0.5F * static_cast<float>(i + 1)));
  }
  const auto batch = std::ssize(features) / 3;
  return {{{{5, outputs}, 1}, {{outputs}, 2}}, [=](tape& on, operands x) {
            return sparse_linear(on.constant({batch, 3, 2}, as_view(rows)), x[0], x[1]);
          }};
}

} // namespace

TEST_CASE("the loss of pairs is the sum it is defined by, and its gradients are slopes",
          "[ops][pairs]") {
  for (auto loss : {pair_loss::logistic, pair_loss::pairwise}) {
    auto at = pairs_trial(loss);
    CHECK(at.forward()[0] == Approx(pairs_reference(at, loss)));
    // Compared pairwise, the first table's biases have a slope of 0, and a gradient that rounds.
    CHECK(at.slope_error(1.0 / 32) < 2 * slope_error_max);
  }
}

TEST_CASE("drawn others are the same for a key, never the pair's own, and of equal odds",
          "[ops][pairs]") {
  constexpr std::int64_t count = 1000;
  std::vector<std::int32_t> pairs;
  for (std::int32_t i = 0; i < count; ++i) pairs.insert(pairs.end(), {i, i % 5});
  std::vector<std::int32_t> rows(count * 6), again(count * 6), other(count * 6);
  draw_negatives(pairs, 5, 7, rows);
  draw_negatives(pairs, 5, 7, again);
  draw_negatives(pairs, 5, 8, other);
  CHECK(rows == again);
  CHECK(rows != other);
  std::array<int, 5> drawn{};
  for (std::size_t i = 0; i < rows.size(); i += 6) {
    CHECK((rows[i] == pairs[i / 3] && rows[i + 1] == pairs[i / 3 + 1]));
    for (std::size_t j = 2; j < 6; ++j) {
      REQUIRE((rows[i + j] >= 0 && rows[i + j] < 5 && rows[i + j] != rows[i + 1]));
      ++drawn[static_cast<std::size_t>(rows[i + j])];
    }
  }
  for (const int each : drawn) CHECK(std::abs(each - 800) < 120); // five standard deviations
}

TEST_CASE("a batch of pairs has the loss of the same batch with its others drawn before",
          "[ops][pairs]") {
  // What lets a worker fetch no more of a table than the rows of its batch.
  const auto of = tests::input_of(tests::model("mf"));
  const auto pairs = tests::samples(of, 8, 3);
  const auto a = numbers(7 * 4, 1), b = numbers(30 * 4, 2);
  tape on(pass_mode::training);
  on.begin(5);
  const auto tables = [&] {
    return std::pair(on.parameter({7, 4}, a, {}, 0), on.parameter({30, 4}, b, {}, 1));
  };
  const auto [first, second] = tables();
  const auto values = pairs.inputs.values<std::int32_t>();
  const std::vector<std::int32_t> given(values.begin(), values.end());
  const auto drawn = sampled_negatives_loss(on.constant({8, 2}, as_view(given)), first, second);
  // The third variable of the step, counted from zero: its key.
  std::vector<std::int32_t> rows(8 * 7);
  draw_negatives(given, 30, random_sequence(5, 0).bits(3), rows);
  const auto before = sampled_negatives_loss(on.constant({8, 7}, as_view(rows)), first, second);
  CHECK(drawn.item() == before.item());
}

TEST_CASE("a pair is right where no more than a tenth of all suit better", "[ops][pairs]") {
  const auto correct = [](std::int64_t n, float first, std::ptrdiff_t better) {
    std::vector<float> y(static_cast<std::size_t>(n), 0.0F);
    std::fill_n(y.begin() + 1, better, 2.0F);
    y[0] = first;
    return pair_ranks(pair_loss::logistic, n, y).correct;
  };
  CHECK(correct(101, 1, 9) == 1);
  CHECK(correct(101, 1, 10) == 0);
  CHECK(correct(6, 1, 0) == 1);
  CHECK(correct(6, 1, 1) == 0);
  CHECK(correct(6, 0, 0) == 0); // of equals it is last
  CHECK(correct(6, std::nanf(""), 0) == 0);
}

TEST_CASE("a sparse linear function is the dense one of what its rows say", "[ops][sparse]") {
  for (std::int64_t outputs : {1, 3}) {
    auto at = sparse_trial(outputs, {4, 0, -1, -1, 2, 2});
    const auto& w = at.operands[0].values;
    const auto y = at.forward();
    for (std::int64_t o = 0; o < outputs; ++o) {
      const auto of = [&](std::int64_t feature) {
        return w[static_cast<std::size_t>(feature * outputs + o)];
      };
      const float bias = at.operands[1].values[static_cast<std::size_t>(o)];
      CHECK(y[static_cast<std::size_t>(o)] == Approx(bias + 0.5F * of(4) + of(0)));
      CHECK(y[static_cast<std::size_t>(outputs + o)] == Approx(bias + 5.5F * of(2)));
    }
    CHECK(at.slope_error() < slope_error_max);
  }
  for (std::int32_t stray : {-2, 5})
    CHECK_THROWS_AS(sparse_trial(1, {0, 1, stray}).forward(), contract_error);
}

TEST_CASE("rows that are not in their tables are a bug and told as one", "[ops][pairs]") {
  const auto a = numbers(8, 1), b = numbers(10, 2);
  const pair_tables tables{a, b, {}, {}, 2};
  CHECK_NOTHROW(expect_pairs(tables, std::array{3, 4, 0}, 3));
  CHECK_THROWS_AS(expect_pairs(tables, std::array{4, 4, 0}, 3), contract_error);
  CHECK_THROWS_AS(expect_pairs(tables, std::array{3, 0, 5}, 3), contract_error);
  CHECK_THROWS_AS(expect_pairs(tables, std::array{-1, 0, 0}, 3), contract_error);
}
