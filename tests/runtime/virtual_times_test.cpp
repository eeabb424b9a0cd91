#include "runtime/virtual_times.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <set>

using namespace lagrange::runtime;
using namespace std::chrono_literals;

TEST_CASE("a step takes the same time however often it is asked for", "[runtime][times]") {
  const step_times times{10ms, 0.1, 0.5, 7};
  for (std::uint32_t worker = 0; worker < 50; ++worker)
    CHECK(times.of({worker}, {3}) == times.of({worker}, {3}));
}

TEST_CASE("the time of a step depends on seed, worker and clock", "[runtime][times]") {
  std::set<std::chrono::nanoseconds> drawn;
  for (const std::uint64_t seed : {1, 2})
    for (std::uint32_t worker = 0; worker < 10; ++worker)
      for (std::uint64_t clock = 0; clock < 10; ++clock)
        drawn.insert(step_times{10ms, 0.1, 0.5, seed}.of({worker}, {clock}));
  CHECK(drawn.size() == 200);
}

TEST_CASE("without spread and jitter every step takes the mean", "[runtime][times]") {
  const step_times times{10ms, 0, 0, 7};
  CHECK(times.of({0}, {0}) == 10ms);
  CHECK(times.of({99}, {1'000}) == 10ms);
  CHECK(step_times{0ns, 0, 0, 7}.of({0}, {0}) == 1ns); // time passes with every step
}

TEST_CASE("lognormal draws have mean one, and the deviation asked for in their logarithms",
          "[runtime][times]") {
  constexpr std::uint64_t draws = 100'000;
  for (const double sigma : {0.1, 0.5, 1.0}) {
    CAPTURE(sigma);
    double sum = 0, logs = 0, squares = 0;
    for (std::uint64_t i = 0; i < draws; ++i) {
      const auto x = draw_lognormal(sigma, 1, 2, i);
      sum += x;
      logs += std::log(x);
      squares += std::log(x) * std::log(x);
    }
    CHECK(sum / draws == Approx(1).epsilon(0.02));
    const auto mean = logs / draws;
    CHECK(mean == Approx(-sigma * sigma / 2).margin(0.02));
    CHECK(std::sqrt(squares / draws - mean * mean) == Approx(sigma).epsilon(0.02));
  }
}

TEST_CASE("the time of a worker's steps is about its own mean", "[runtime][times]") {
  const step_times spread{10ms, 0.5, 0, 7};
  const step_times both{10ms, 0.5, 0.2, 7};
  for (std::uint32_t worker = 0; worker < 5; ++worker) {
    std::chrono::duration<double> sum{0};
    for (std::uint64_t clock = 0; clock < 5'000; ++clock) sum += both.of({worker}, {clock});
    const std::chrono::duration<double> own = spread.of({worker}, {0});
    CHECK(sum.count() / 5'000 == Approx(own.count()).epsilon(0.02));
    CHECK(spread.of({worker}, {17}) == spread.of({worker}, {0}));
  }
}

TEST_CASE("a link is busy for its bytes, and for none without a limit", "[runtime][times]") {
  CHECK(link_times{0ns, 8'000}.busy(1'000) == 1s);
  CHECK(link_times{0ns, 10'000'000'000}.busy(1'250) == 1us);
  CHECK(link_times{1ms, 0}.busy(1 << 30) == 0ns);
}

TEST_CASE("the links at both ends make the latency of the job", "[runtime][times]") {
  job x;
  x.simulation.latency = 100us;
  x.simulation.bandwidth = 1'000;
  CHECK(make_link_times(x).latency * 2 == 100us);
  CHECK(make_link_times(x).bits_per_second == 1'000);
}
