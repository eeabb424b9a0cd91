// Functions of tables, held against the loops that they are defined by.
#include "function_trial.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <numeric>

using namespace lagrange;
using namespace lagrange::ops;
using tests::function_trial;
using tests::numbers;

namespace {

constexpr double slope_error_max = 2e-3;

view as_view(const std::vector<std::int32_t>& from) {
  return {dtype::i32, const_cast<std::int32_t*>(from.data()), from.size()}; // it is only read
}

function_trial embedding_trial(const shape& table, const shape& extents,
                               std::vector<std::int32_t> rows) {
  return {{{table, 1}}, [=, rows = std::move(rows)](tape& on, std::span<const variable> x) {
            return embedding(x[0], on.constant(extents, as_view(rows)));
          }};
}

} // namespace

TEST_CASE("an embedding is the rows of its table, and a row's gradient the sum over its places",
          "[ops][embedding]") {
  for (std::int64_t width : {1, 3, 128}) {
    auto at = embedding_trial({5, width}, {2, 2}, {4, 0, 2, 4});
    const auto& table = at.operands[0].values;
    const auto y = at.forward();
    const auto d_y = numbers(4 * width, 2);
    const auto d = at.gradients(d_y)[0];
    for (std::int64_t k = 0; k < width; ++k) {
      const auto of = [&](const std::vector<float>& rows, std::int64_t row) {
        return rows[static_cast<std::size_t>(row * width + k)];
      };
      CHECK(of(y, 0) == of(table, 4));
      CHECK(of(y, 1) == of(table, 0));
      CHECK(of(y, 3) == of(table, 4));
      CHECK(of(d, 0) == of(d_y, 1));
      CHECK(of(d, 1) == 0);
      CHECK(of(d, 3) == 0);
      CHECK(of(d, 4) == of(d_y, 0) + of(d_y, 3));
    }
  }
}

TEST_CASE("rows get one extent more, and the gradients are slopes", "[ops][embedding]") {
  tape on(pass_mode::evaluation);
  const auto values = numbers(10, 1);
  const std::vector<std::int32_t> rows{1, 0, 1, 1, 0, 0};
  on.begin(0);
  const auto table = on.parameter({2, 5}, values, {}, 0);
  CHECK(embedding(table, on.constant({6}, as_view(rows))).extents() == shape{6, 5});
  CHECK(embedding(table, on.constant({1, 2, 3}, as_view(rows))).extents() == shape{1, 2, 3, 5});
  CHECK(embedding_trial({9, 4}, {2, 3}, {8, 0, 8, 8, 3, 1}).slope_error() < slope_error_max);
}

TEST_CASE("a row that the table does not have is a bug and told as one", "[ops][embedding]") {
  using Catch::Contains;
  for (std::int32_t row : {-1, 5})
    CHECK_THROWS_WITH(embedding_trial({5, 2}, {2}, {0, row}).forward(),
                      Contains("row " + std::to_string(row)) && Contains("5 rows"));
}

TEST_CASE("positions are added to every sample, and their gradients are slopes",
          "[ops][embedding]") {
  function_trial at({{{3, 4, 2}, 1}, {{6, 2}, 2}},
                    [](tape&, std::span<const variable> x) { return add_positions(x[0], x[1]); });
  const auto y = at.forward();
  for (std::size_t i = 0; i < y.size(); ++i)
    CHECK(y[i] == at.operands[0].values[i] + at.operands[1].values[i % 8]);
  CHECK(at.slope_error() < slope_error_max);
  function_trial few({{{3, 4, 2}, 1}, {{3, 2}, 2}},
                     [](tape&, std::span<const variable> x) { return add_positions(x[0], x[1]); });
  CHECK_THROWS_AS(few.forward(), contract_error);
}
