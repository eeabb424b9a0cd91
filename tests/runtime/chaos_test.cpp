#include "runtime/job_chaos.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace lagrange::runtime;
using namespace std::chrono_literals;

namespace {

actor_name worker(std::uint32_t index) { return {actor_role::worker, index}; }

} // namespace

TEST_CASE("the last rule about an actor counts", "[runtime][chaos]") {
  chaos x;
  x.slow = {parse_slow("worker-*:2x").value(), parse_slow("worker-2:5.5x").value()};
  x.links = {parse_link("worker-*:5ms").value(), parse_link("worker-1:1Gbit").value(),
             parse_link("shard-0:100Mbit,50ms").value()};
  CHECK(x.stretch_of({0}) == 2);
  CHECK(x.stretch_of({2}) == 5.5);
  CHECK(x.link_of(worker(0)) == transport::link_shape{5ms, 0});
  CHECK(x.link_of(worker(1)) == transport::link_shape{0ms, 125'000'000});
  CHECK(x.link_of({actor_role::shard, 0}) == transport::link_shape{50ms, 12'500'000});
  CHECK(x.link_of({actor_role::shard, 1}).empty());
  CHECK(to_string(x) == "worker-* 2x, worker-2 5.5x, links of worker-* 5ms, links of worker-1 "
                        "1Gbit, links of shard-0 50ms 100Mbit");
}

TEST_CASE("without rules nothing is injected", "[runtime][chaos]") {
  const chaos none;
  CHECK(none.empty());
  CHECK(none.stretch_of({3}) == 1);
  CHECK(none.jitter({3}, {7}) == 1);
  CHECK(none.link_of(worker(3)).empty());
  CHECK(to_string(none).empty());
}

TEST_CASE("jitter has mean 1, its sigma, and the same value for the same step",
          "[runtime][chaos]") {
  chaos x;
  x.jitter_sigma = parse_jitter("lognormal:0.5").value();
  x.seed = 7;
  constexpr int steps = 40'000;
  double sum = 0, logs = 0, squares = 0, products = 0;
  for (std::uint64_t i = 0; i < steps; ++i) {
    const auto drawn = x.jitter({1}, {i});
    REQUIRE(drawn == x.jitter({1}, {i}));
    const auto log = std::log(drawn) + 0.125; // normal with sigma 0.5
    sum += drawn;
    logs += log;
    squares += log * log;
    products += log * (std::log(x.jitter({2}, {i})) + 0.125);
  }
  // Ten deviations of each mean.
  CHECK(std::abs(sum / steps - 1) < 0.03);
  CHECK(std::abs(logs / steps) < 0.025);
  CHECK(std::abs(squares / steps - 0.25) < 0.02);
  CHECK(std::abs(products / steps) < 0.0125); // workers are independent
  auto other = x;
  other.seed = 8;
  CHECK(x.jitter({1}, {0}) != other.jitter({1}, {0}));
}

TEST_CASE("a job's chaos has the job's seed unless it names one", "[runtime][chaos]") {
  job x;
  CHECK(chaos_of(x).empty());
  x.seed = 41;
  x.chaos.slow = {"worker-1:5x"};
  x.chaos.jitter = "lognormal:0.25";
  CHECK(chaos_of(x).seed == 41);
  CHECK(chaos_of(x).stretch_of({1}) == 5);
  CHECK(chaos_of(x).jitter_sigma == 0.25);
  x.chaos.seed = 42;
  CHECK(chaos_of(x).seed == 42);
}

TEST_CASE("a rule about an actor that the job has not is found", "[runtime][chaos]") {
  job x;
  CHECK_FALSE(find_stray_rule(x));
  x.topology.workers = 1;
  x.chaos.slow = {"worker-*:5x", "worker-0:5x", "worker-1:5x"};
  REQUIRE(find_stray_rule(x));
  CHECK(find_stray_rule(x)->key == "chaos.slow");
  CHECK(find_stray_rule(x)->text == "there is no worker-1, expected worker-0 or worker-*");
  x.chaos.slow.clear();
  x.chaos.link = {"shard-2:5ms"};
  CHECK(find_stray_rule(x)->text == "there is no shard-2, expected shard-0 to shard-1 or shard-*");
}

TEST_CASE("what is no rule is refused with what was expected", "[runtime][chaos]") {
  for (const auto* text :
       {"", "5x", "worker-2", "worker-2:", "worker-2:5", "worker-2:0.5x", "worker-2:1001x",
        "worker-2:nanx", "worker-2:x", "worker-2:5xx", "worker:5x", "worker-:5x", "worker--1:5x",
        "worker-99999:5x", "shard-0:5x", "Worker-2:5x", "worker-2 :5x", "worker-2:5x "}) {
    INFO(text);
    REQUIRE_FALSE(parse_slow(text));
    CHECK(parse_slow(text).error().text.find("worker-2:5x") != std::string::npos);
  }
  for (const auto* text : {"", "lognormal", "lognormal:", "lognormal:-1", "lognormal:3",
                           "lognormal:nan", "normal:1", "0.5"}) {
    INFO(text);
    REQUIRE_FALSE(parse_jitter(text));
    CHECK(parse_jitter(text).error().text.find("lognormal:0.5") != std::string::npos);
  }
  for (const auto* text :
       {"", "50ms", "shard-0", "shard-0:", "shard-0:,", "shard-0:50ms,", "shard-0:50ms,60ms",
        "shard-0:1Mbit,2Mbit", "shard-0:50", "shard-0:11s", "shard-0:0Mbit", "shard-0:1001Gbit",
        "shard-0:1.5Gbit", "shard-0:99999999999999999999Gbit", "shard-0:1Mbit,5ms,5ms",
        "supervisor-0:5ms", "evaluator-0:5ms", "shard:5ms"}) {
    INFO(text);
    REQUIRE_FALSE(parse_link(text));
    CHECK(parse_link(text).error().text.find("shard-0:50ms,100Mbit") != std::string::npos);
  }
}

TEST_CASE("deaths of workers come at random times with the mean that was asked for, by seed",
          "[runtime][chaos]") {
  chaos x;
  x.failures = parse_failures("every 5s").value();
  x.seed = 7;
  double seconds = 0;
  std::array<int, 4> victims{};
  for (std::uint64_t number = 0; number < 4000; ++number) {
    const auto next = x.death(number, 4);
    seconds += std::chrono::duration<double>(next.after).count();
    ++victims.at(next.who.value);
  }
  CHECK(seconds / 4000 == Approx(5).epsilon(0.06)); // four standard errors
  for (const auto count : victims) CHECK(count == Approx(1000).epsilon(0.12));
  CHECK(x.death(3, 4).after == x.death(3, 4).after);
  for (const auto* text : {"5s", "every 1ms", "every", "every 25h", "every  5s"})
    CHECK(parse_failures(text).error().text.find("every TIME") != std::string::npos);
  CHECK(parse_failures("none").value().count() == 0);
}
