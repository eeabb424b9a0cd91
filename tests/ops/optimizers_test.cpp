#include "ops/contract.hpp"
#include "ops/optimizer.hpp"
#include "ops/parallel.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <stdexcept>

using namespace lagrange;
using namespace lagrange::ops;

TEST_CASE("sgd goes against the gradient", "[ops][optimizer]") {
  std::vector<float> p{1, 2};
  const auto sgd = make_sgd(2, {.rate = 0.5F});
  sgd->step(p, std::vector<float>{1, -1}, 2);
  CHECK(p == std::vector<float>{0, 3});
  CHECK(sgd->state().empty());
}

TEST_CASE("sgd with momentum and decay takes the steps worked out by hand", "[ops][optimizer]") {
  std::vector<float> p{1};
  const auto sgd = make_sgd(1, {.rate = 0.5F, .momentum = 0.5F, .weight_decay = 0.25F});
  sgd->step(p, std::vector<float>{0.25F}, 1); // u = 0.25 + 0.25 * 1, p = 1 - 0.5 * 0.5
  CHECK(p[0] == 0.75F);
  sgd->step(p, std::vector<float>{0.5F}, 0.5F); // u = 0.25 + (0.25 + 0.1875), p -= 0.5 * 0.6875
  CHECK(p[0] == 0.40625F);
  REQUIRE(sgd->state().size() == 1);
  CHECK(sgd->state()[0].values[0] == 0.6875F);
}

TEST_CASE("adam takes the steps of its paper", "[ops][optimizer]") {
  const optimizer_options by{.rate = 0.01F, .weight_decay = 0.1F};
  const auto adam = make_adam(3, by);
  std::vector<float> p{1, -2, 0.5F};
  std::vector<double> wanted(p.begin(), p.end()), m(3), v(3);
  for (int t = 1; t <= 50; ++t) {
    const auto g = tests::numbers(3, static_cast<std::uint64_t>(t));
    adam->step(p, g, 0.5F);
    for (std::size_t i = 0; i < 3; ++i) {
      const double d = 0.5 * g[i] + 0.1 * wanted[i];
      m[i] = 0.9 * m[i] + 0.1 * d;
      v[i] = 0.999 * v[i] + 0.001 * d * d;
      const double m_hat = m[i] / (1 - std::pow(0.9, t));
      const double v_hat = v[i] / (1 - std::pow(0.999, t));
      wanted[i] -= 0.01 * m_hat / (std::sqrt(v_hat) + 1e-8);
    }
    REQUIRE(tests::distance(p, wanted) < 2e-5);
  }
}

TEST_CASE("adam's first step is the rate, whatever the size of the gradient", "[ops][optimizer]") {
  std::vector<float> p{0, 0, 0};
  make_adam(3, {.rate = 0.25F})->step(p, std::vector<float>{1e-3F, -1, 1e3F}, 1);
  CHECK(tests::distance(p, std::vector<double>{-0.25, 0.25, -0.25}) < 1e-5);
}

TEST_CASE("an optimizer goes on from another one's state, to the bit", "[ops][optimizer]") {
  for (const auto& row : optimizers())
    for (float momentum : {0.0F, 0.9F}) {
      CAPTURE(row.name, momentum);
      const auto one = row.make(1000, {.momentum = momentum});
      const auto two = row.make(1000, {.momentum = momentum});
      auto p = tests::numbers(1000, 1);
      for (std::uint64_t i = 0; i < 5; ++i) one->step(p, tests::numbers(1000, 10 + i), 1);
      auto from = one->state(), to = two->state();
      REQUIRE(from.size() == to.size());
      for (std::size_t i = 0; i < from.size(); ++i) {
        CHECK(from[i].name == to[i].name);
        CHECK((from[i].values.size() == 1000 || from[i].values.size() == 1));
        std::ranges::copy(from[i].values, to[i].values.begin());
      }
      auto q = p;
      one->step(p, tests::numbers(1000, 30), 1);
      two->step(q, tests::numbers(1000, 30), 1);
      CHECK(p == q);
    }
}

TEST_CASE("an update of a part has the bits of the update of the whole", "[ops][optimizer]") {
  // Shards of any size and alignment must agree with one shard.
  for (const auto& row : optimizers()) {
    CAPTURE(row.name);
    auto p = tests::numbers(1003, 1);
    auto q = p;
    const auto g = tests::numbers(1003, 2);
    const auto whole = row.make(1003, {.momentum = 0.9F});
    const auto part = row.make(501, {.momentum = 0.9F});
    for (int i = 0; i < 3; ++i) {
      whole->step(p, g, 0.7F);
      part->step(std::span(q).subspan(3, 501), std::span(g).subspan(3, 501), 0.7F);
    }
    CHECK(std::equal(p.begin() + 3, p.begin() + 504, q.begin() + 3));
  }
}

TEST_CASE("every optimizer finds the bottom of a bowl", "[ops][optimizer]") {
  for (const auto& row : optimizers()) {
    CAPTURE(row.name);
    CHECK_FALSE(row.help.empty());
    std::vector<float> p{3, -2}, g(2);
    const auto made = row.make(2, {.rate = 0.05F, .momentum = 0.5F});
    for (int i = 0; i < 500; ++i) {
      for (std::size_t k = 0; k < 2; ++k) g[k] = 2 * (p[k] - 1);
      made->step(p, g, 1);
    }
    CHECK(tests::distance(p, std::vector<double>{1, 1}) < 1e-3);
  }
}

TEST_CASE("options out of range are refused by name", "[ops][optimizer]") {
  using Catch::Contains;
  for (const auto& row : optimizers()) {
    CHECK_THROWS_WITH(row.make(1, {.rate = 0}), Contains("optimizer.rate must be a positive"));
    CHECK_THROWS_WITH(row.make(1, {.rate = NAN}), Contains("optimizer.rate"));
    CHECK_THROWS_WITH(row.make(1, {.momentum = 1}), Contains("optimizer.momentum"));
    CHECK_THROWS_WITH(row.make(1, {.beta1 = -1}), Contains("optimizer.beta1"));
    CHECK_THROWS_WITH(row.make(1, {.beta2 = 1}), Contains("optimizer.beta2"));
    CHECK_THROWS_WITH(row.make(1, {.epsilon = 0}), Contains("optimizer.epsilon"));
    CHECK_THROWS_WITH(row.make(1, {.weight_decay = -1}), Contains("optimizer.weight_decay"));
  }
}

TEST_CASE("a gradient of another length is a bug and told as one", "[ops][optimizer]") {
  std::vector<float> p(3), g(2);
  for (const auto& row : optimizers())
    CHECK_THROWS_AS(row.make(3, {})->step(p, g, 1), contract_error);
}

TEST_CASE("a step in parts, on several cores, has the bits of one step", "[ops][optimizer]") {
  constexpr std::size_t elements = 700'001;
  for (const auto& row : optimizers()) {
    INFO(row.name);
    const auto whole = row.make(elements, {.rate = 0.1F, .momentum = 0.5F});
    const auto parts = row.make(elements, {.rate = 0.1F, .momentum = 0.5F});
    auto p = tests::numbers(elements, 1), q = p;
    for (std::uint64_t step = 0; step < 3; ++step) {
      const auto g = tests::numbers(elements, 10 + step);
      whole->step(p, g, 0.5F);
      parts->begin_step();
      in_parts(elements, 3, [&](std::size_t first, std::size_t count) {
        parts->step_part(first, std::span(q).subspan(first, count),
                         std::span(g).subspan(first, count), 0.5F);
      });
    }
    CHECK(p == q);
  }
}

TEST_CASE("a part that leaves its optimizer is refused", "[ops][optimizer]") {
  for (const auto& row : optimizers()) {
    const auto one = row.make(4, {});
    std::vector<float> p(3), g(3);
    CHECK_THROWS_AS(one->step_part(2, p, g, 1), contract_error);
    CHECK_THROWS_AS(one->step_part(0, std::span(p).first(2), g, 1), contract_error);
  }
}
