#include "actors/compute.hpp"

#include <catch2/catch.hpp>

using namespace lagrange::actors;
using namespace std::chrono_literals;

TEST_CASE("a stretched step waits for what its factor adds, and never less than nothing",
          "[actors][compute]") {
  CHECK(stretch_left(10ms, 5) == 40ms);
  CHECK(stretch_left(10ms, 1) == 0ms);
  CHECK(stretch_left(10ms, 0.3) == 0ms); // it is over already
  CHECK(stretch_left(1min, 1000) == step_deadline / 2);
}
