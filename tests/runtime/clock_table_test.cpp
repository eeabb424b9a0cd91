#include "runtime/clock_table.hpp"
#include "runtime/conformance/virtual_time.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;

namespace {

constexpr worker_id a{0};
constexpr worker_id b{1};
constexpr incarnation first{1};
constexpr incarnation second{2};

} // namespace

TEST_CASE("CL-2: a dead worker leaves the minimum with the view that tells of it",
          "[runtime][clock_table]") {
  clock_table table(2);
  table.advances(a, first, {9}, {});
  CHECK(table.slowest() == worker_clock{0});
  CHECK(table.adopts(view_of(2, {live(0, 1), dead(1, 1)})) == std::vector{b});
  CHECK(table.slowest() == worker_clock{9});
  CHECK(table.counted() == 1);
  CHECK(table.is_fenced(b, first));
  CHECK_FALSE(table.hears(b, first, {0}));
  CHECK(table.hears(b, second, {9}));
  CHECK(table.counted() == 2);
}

TEST_CASE("CL-2: a view that arrives late does not unseat an incarnation that was heard",
          "[runtime][clock_table]") {
  clock_table table(2);
  CHECK(table.hears(b, second, {5})); // its restart is known before any view tells of the death
  CHECK(table.is_fenced(b, first));
  CHECK(table.adopts(view_of(2, {live(0, 1), dead(1, 1)})).empty());
  CHECK(table.clock_of(b) == worker_clock{5});
  CHECK(table.adopts(view_of(3, {live(0, 1), live(1, 2)})).empty());
  CHECK(table.clock_of(b) == worker_clock{5});
}

TEST_CASE("CL-2: a stale view is ignored", "[runtime][clock_table]") {
  clock_table table(2);
  table.adopts(view_of(4, {live(0, 1), live(1, 1)}));
  CHECK(table.adopts(view_of(3, {live(0, 1), dead(1, 1)})).empty());
  CHECK(table.adopts(view_of(4, {live(0, 1), dead(1, 1)})).empty());
  CHECK(table.counted() == 2);
  CHECK(table.view() == view_number{4});
}

TEST_CASE("CL-2: a worker that has left counts again from its next higher clock",
          "[runtime][clock_table]") {
  clock_table table(2);
  table.advances(a, first, {8}, {});
  table.advances(b, first, {3}, {});
  table.leaves(b, first, {3});
  CHECK(table.slowest() == worker_clock{8});
  CHECK_FALSE(table.hears(b, first, {3})); // overtaken by the leave
  CHECK(table.counted() == 1);
  CHECK(table.hears(b, first, {4}));
  CHECK(table.slowest() == worker_clock{4});
  table.leaves(b, first, {3}); // the leave once more, late
  CHECK(table.counted() == 2);
  table.leaves(a, first, {8});
  table.leaves(b, first, {4});
  CHECK(table.slowest() == std::nullopt);
}

TEST_CASE("SH-2: a worker number from outside cannot make the table grow without limit",
          "[runtime][clock_table]") {
  clock_table table(2);
  CHECK(table.is_fenced({1U << 20U}, first));
  CHECK_FALSE(table.hears({~0U}, first, {0}));
  CHECK(table.counted() == 2);
}

TEST_CASE("CL-2, SH-2: the table agrees with its model whatever the order of messages",
          "[runtime][clock_table]") {
  // The model: a worker's life is the highest that spoke or was named; it counts from when it was
  // heard until it is declared dead; its clock never goes back.
  struct known {
    std::uint32_t life = 1;
    bool is_counted = true;
    bool is_dead = false;
    std::uint64_t clock = 0;
  };
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    virtual_time random(seed);
    clock_table table(3);
    std::vector<known> model(3);
    std::uint64_t view = 0;
    for (int step = 0; step < 200; ++step) {
      const auto index = static_cast<std::uint32_t>(random.draw(0, 2));
      const auto life = static_cast<std::uint32_t>(random.draw(1, 4));
      const auto clock = random.draw(0, 30);
      auto& it = model[index];
      if (random.chance(40)) {
        const bool is_heard = life > it.life || (life == it.life && !it.is_dead);
        if (is_heard && (life > it.life || !it.is_counted)) it = {life, true, false, clock};
        CHECK(table.hears({index}, {life}, {clock}) == is_heard);
      } else if (random.chance(60)) {
        table.advances({index}, {life}, {clock}, {});
        if (life == it.life && it.is_counted) it.clock = std::max(it.clock, clock);
      } else {
        const auto number = random.draw(0, 40);
        const bool is_live = random.chance(50);
        table.adopts(view_of(number, {{{index}, {life}, is_live}}));
        if (number > view && life > it.life) it = {life, false, !is_live, 0};
        if (number > view && life == it.life && !is_live) it = {life, false, true, 0};
        view = std::max(view, number);
      }
      std::optional<worker_clock> slowest;
      for (const auto& each : model)
        if (each.is_counted && (!slowest || each.clock < slowest->value)) slowest = {each.clock};
      INFO("seed " << seed << ", step " << step);
      REQUIRE(table.slowest() == slowest);
    }
  }
}

} // namespace lagrange::tests
