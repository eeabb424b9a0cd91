// Rows of a table: what is stepped, and that all else rests.
#include "ops/contract.hpp"
#include "ops/optimizer.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lagrange;
using namespace lagrange::ops;

namespace {

constexpr std::size_t before = 7; ///< elements of the optimizer before the table
constexpr std::size_t height = 40;

const optimizer_options by{.rate = 0.1F, .momentum = 0.5F, .l1 = 0.01F};

/// Some rows of the table, out of order; other ones every step.
std::vector<std::uint32_t> rows_of(std::uint64_t step) {
  std::vector<std::uint32_t> rows;
  for (std::uint32_t i = 0; i < 17; ++i)
    rows.push_back(static_cast<std::uint32_t>((i * 7 + step * 3) % height));
  return rows;
}

std::vector<std::vector<float>> copy_of(const std::vector<optimizer_state>& state) {
  std::vector<std::vector<float>> all;
  for (const auto& each : state) all.emplace_back(each.values.begin(), each.values.end());
  return all;
}

} // namespace

TEST_CASE("a step of rows has the bits of a dense step in which the others take no part",
          "[ops][optimizer]") {
  const std::size_t width = GENERATE(1, 3, 16, 33, 64);
  for (const auto& row : optimizers()) {
    if (row.needs_whole_tensors) continue;
    CAPTURE(row.name, width);
    const std::size_t elements = before + height * width;
    const auto sparse = row.make(elements, by), dense = row.make(elements, by),
               plain = row.make(elements, by);
    auto p = tests::numbers(static_cast<std::int64_t>(elements), 1);
    auto q = p, r = p;
    for (std::uint64_t step = 0; step < 4; ++step) {
      const auto rows = rows_of(step);
      const auto g = tests::numbers(static_cast<std::int64_t>(rows.size() * width), 10 + step);
      sparse->begin_step(0.5F);
      dense->begin_step(0.5F);
      plain->begin_step(0.5F);
      sparse->step_rows(before, std::span(p).subspan(before), {rows, width, g}, 0.7F);
      // What an optimizer of a user's own does unless it has a way of its own.
      plain->optimizer::step_rows(before, std::span(r).subspan(before), {rows, width, g}, 0.7F);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto at = before + rows[i] * width;
        dense->step_part(at, std::span(q).subspan(at, width),
                         std::span(g).subspan(i * width, width), 0.7F);
      }
    }
    CHECK(p == q);
    CHECK(p == r);
    CHECK(copy_of(sparse->state()) == copy_of(dense->state()));
  }
}

TEST_CASE("rows that are absent keep their parameters and their state", "[ops][optimizer]") {
  constexpr std::size_t width = 4;
  for (const auto& row : optimizers()) {
    if (row.needs_whole_tensors) continue;
    CAPTURE(row.name);
    const auto made = row.make(height * width, by);
    auto p = tests::numbers(height * width, 1);
    made->step(p, tests::numbers(height * width, 2), 1); // so that all have momentum
    const auto resting = p;
    const auto state = copy_of(made->state());
    const std::vector<std::uint32_t> rows{3, 39};
    made->begin_step(1);
    made->step_rows(0, p, {rows, width, tests::numbers(2 * width, 3)}, 1);
    const auto now = copy_of(made->state());
    for (std::size_t i = 0; i < p.size(); ++i) {
      const bool is_present = i / width == 3 || i / width == 39;
      REQUIRE((p[i] == resting[i]) != is_present);
      for (std::size_t k = 0; k < state.size(); ++k)
        if (state[k].size() == p.size()) REQUIRE((now[k][i] == state[k][i]) != is_present);
    }
  }
}

TEST_CASE("adam corrects the bias of a row by the steps of the table", "[ops][optimizer]") {
  // Ten steps of others bring the correction near one: the first step of a row is then as long as
  // one of moments that began at zero ten steps ago, which is no longer the rate.
  std::vector<float> p(2);
  const std::vector<float> g{1};
  const auto made = make_adam(2, {.rate = 1, .beta1 = 0.5F, .beta2 = 0.75F});
  for (std::uint32_t step = 1; step <= 10; ++step) {
    made->begin_step(1);
    made->step_rows(0, p, {std::vector<std::uint32_t>{step == 10}, 1, g}, 1);
  }
  const double m = 0.5 / (1 - std::pow(0.5, 10)), v = 0.25 / (1 - std::pow(0.75, 10));
  CHECK(p[1] == Approx(-m / std::sqrt(v)));
}

TEST_CASE("rows outside of the table, and gradients of another size, are told as bugs",
          "[ops][optimizer]") {
  for (const auto& row : optimizers()) {
    CAPTURE(row.name);
    const auto made = row.make(12, by);
    std::vector<float> p(12), g(8);
    const std::vector<std::uint32_t> rows{0, 2}, beyond{0, 3};
    made->begin_step(1);
    CHECK_THROWS_AS(made->step_rows(0, p, {beyond, 4, g}, 1), contract_error);
    CHECK_THROWS_AS(made->step_rows(0, p, {rows, 5, g}, 1), contract_error);
    CHECK_THROWS_AS(made->step_rows(0, p, {rows, 0, {}}, 1), contract_error);
    CHECK_THROWS_AS(made->step_rows(4, p, {rows, 4, g}, 1), contract_error);
    if (row.needs_whole_tensors)
      CHECK_THROWS_AS(made->step_rows(0, p, {rows, 4, g}, 1), contract_error);
  }
}
