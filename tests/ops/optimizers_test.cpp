#include "ops/contract.hpp"
#include "ops/optimizer.hpp"
#include "ops/parallel.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <stdexcept>

using namespace lagrange;
using namespace lagrange::ops;

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
    if (row.needs_whole_tensors) continue;
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

TEST_CASE("every optimizer finds the bottom of a bowl at a rate that falls", "[ops][optimizer]") {
  constexpr int steps = 1000;
  for (const auto& row : optimizers()) {
    CAPTURE(row.name);
    CHECK_FALSE(row.help.empty());
    // Those that divide by all squares so far go slower and slower.
    const bool sums_squares = row.name == "adagrad" || row.name == "ftrl";
    std::vector<float> p{3, -2}, g(2);
    const auto made = row.make(2, {.rate = sums_squares ? 1.0F : 0.05F, .momentum = 0.5F});
    for (int i = 0; i < steps; ++i) {
      for (std::size_t k = 0; k < 2; ++k) g[k] = 2 * (p[k] - 1);
      made->begin_step(1 - static_cast<float>(i) / steps);
      made->step_part(0, p, g, 1);
      made->end_tensor(0, p, 1);
    }
    CHECK(tests::distance(p, std::vector<double>{1, 1}) < 1e-3);
  }
}

TEST_CASE("a step at a share of the rate is a step at that rate", "[ops][optimizer]") {
  for (const auto& row : optimizers()) {
    CAPTURE(row.name);
    const auto shared = row.make(100, {.rate = 0.5F, .momentum = 0.5F});
    const auto plain = row.make(100, {.rate = 0.125F, .momentum = 0.5F});
    auto p = tests::numbers(100, 1), q = p;
    for (std::uint64_t i = 0; i < 3; ++i) {
      const auto g = tests::numbers(100, 10 + i);
      shared->begin_step(0.25F);
      shared->step_part(0, p, g, 1);
      shared->end_tensor(0, p, 1);
      plain->step(q, g, 1);
    }
    CHECK(p == q);
  }
}

TEST_CASE("what rests at a zero gradient keeps its bits", "[ops][optimizer]") {
  for (const auto& row : optimizers())
    for (const float decay : {0.0F, 0.1F}) {
      if (row.name == "ftrl" && decay != 0) continue;
      CAPTURE(row.name, decay);
      const auto made = row.make(100, {.rate = 0.1F, .weight_decay = decay, .l1 = decay});
      auto p = tests::numbers(100, 1);
      for (std::uint64_t i = 0; i < 3; ++i) made->step(p, tests::numbers(100, 10 + i), 1);
      const auto before = p;
      made->begin_step(0.5F);
      made->step_part(0, p, std::vector<float>(100), 1);
      made->end_tensor(0, p, 1);
      if (made->rests_at_zero()) CHECK(p == before);
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
    CHECK_THROWS_WITH(row.make(1, {.beta = -1}), Contains("optimizer.beta must be"));
    CHECK_THROWS_WITH(row.make(1, {.l1 = -1}), Contains("optimizer.l1"));
    CHECK_THROWS_WITH(row.make(1, {.l2 = INFINITY}), Contains("optimizer.l2"));
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
      parts->begin_step(1);
      in_parts(elements, 3, [&](std::size_t first, std::size_t count) {
        parts->step_part(first, std::span(q).subspan(first, count),
                         std::span(g).subspan(first, count), 0.5F);
      });
      parts->end_tensor(0, q, 3);
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
