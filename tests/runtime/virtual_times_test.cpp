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

namespace {

/// A worker that took steps of each of these times, so many.
worker_share share_of(worker_id who, const std::vector<std::chrono::milliseconds>& times,
                      std::uint64_t of_each) {
  worker_share made{who};
  for (const auto time : times)
    for (std::uint64_t n = 0; n < of_each; ++n, ++made.steps) {
      made.compute += time;
      made.step_times.add(time);
    }
  return made;
}

} // namespace

TEST_CASE("a time is in the bin that holds it, to one part in eight", "[runtime][times]") {
  for (std::int64_t time = 1; time < std::int64_t{1} << 58; time = time * 5 / 4 + 1) {
    time_histogram x;
    x.add(std::chrono::nanoseconds(time));
    CAPTURE(time);
    CHECK(x.counts.size() <= time_histogram::bins_max);
    CHECK(x.at(0) <= static_cast<double>(time));
    CHECK(x.at(1) > static_cast<double>(time));
    CHECK((x.at(1) - x.at(0)) <= std::max(1.0, static_cast<double>(time) / 8));
  }
}

TEST_CASE("one long step does not make all others vary", "[runtime][times]") {
  auto worker = share_of({0}, {10ms}, 500);
  worker.step_times.add(2s);
  worker.compute += 2s;
  ++worker.steps;
  const recorded_step_times times(std::vector{worker}, 3);
  int far = 0;
  for (std::uint64_t clock = 0; clock < 1'000; ++clock) {
    const auto each = times.of({0}, {clock});
    far += each < 9ms || each > 12ms;
  }
  CHECK(far <= 8);
}

TEST_CASE("recorded steps keep the mean and the deviation of each worker, and go round",
          "[runtime][times]") {
  const auto slow = share_of({0}, {15ms, 25ms}, 50), even = share_of({2}, {10ms}, 10);
  const worker_share idle{{1}};
  const recorded_step_times times(std::vector{slow, idle, even}, 3);
  double sum = 0, squares = 0;
  for (std::uint64_t clock = 0; clock < 20'000; ++clock) {
    const auto each = std::chrono::duration<double>(times.of({0}, {clock})).count();
    sum += each;
    squares += each * each;
  }
  const auto mean = sum / 20'000;
  CHECK(mean == Approx(0.02).epsilon(0.01));
  CHECK(std::sqrt(squares / 20'000 - mean * mean) == Approx(0.005).epsilon(0.12));
  CHECK(std::chrono::duration<double>(times.of({1}, {5})).count() == Approx(0.01).epsilon(0.07));
  // As worker 2 of the run was.
  CHECK(std::chrono::duration<double>(times.of({3}, {5})).count() == Approx(0.01).epsilon(0.07));
}

TEST_CASE("an injected jitter is taken out of the spread of recorded steps, and their mean stays",
          "[runtime][times]") {
  constexpr double own = 0.2, injected = 0.5;
  worker_share worker{{0}};
  for (std::uint64_t n = 0; n < 20'000; ++n, ++worker.steps) {
    const auto time = 10e6 * draw_lognormal(own, 1, 2, n) * draw_lognormal(injected, 1, 3, n);
    const std::chrono::nanoseconds took(static_cast<std::int64_t>(time));
    worker.compute += took;
    worker.step_times.add(took);
  }
  for (const bool is_steady : {false, true}) { // more than all of the spread leaves none
    const recorded_step_times times(std::vector{worker}, 3, is_steady ? 0.7 : injected);
    double sum = 0, logs = 0, squares = 0;
    for (std::uint64_t clock = 0; clock < 20'000; ++clock) {
      const auto each = static_cast<double>(times.of({0}, {clock}).count());
      sum += each;
      logs += std::log(each);
      squares += std::log(each) * std::log(each);
    }
    const auto mean = logs / 20'000;
    CHECK(sum / 20'000 == Approx(10e6).epsilon(0.02));
    CHECK(std::sqrt(std::max(0.0, squares / 20'000 - mean * mean)) ==
          Approx(is_steady ? 0 : own).margin(0.02));
  }
}

TEST_CASE("the workers of a run are written and read again", "[runtime][times]") {
  auto one = share_of({3}, {14ms, 16ms}, 50);
  one.samples = 400;
  one.restarts = 1;
  one.waiting = 250ms;
  const auto read = parse_worker_shares(to_json(std::vector{one}), "workers.json").value();
  REQUIRE(read.size() == 1);
  CHECK(read[0].worker == one.worker);
  CHECK(read[0].steps == 100);
  CHECK(read[0].samples == 400);
  CHECK(read[0].restarts == 1);
  CHECK(read[0].compute == one.compute);
  CHECK(read[0].waiting == one.waiting);
  CHECK(read[0].step_times == one.step_times);
  CHECK(step_deviation(read[0]) == Approx(0.001).epsilon(0.2));
}

TEST_CASE("a damaged workers.json is refused with what is wrong", "[runtime][times]") {
  const auto line_with = [](const std::string& times) {
    return R"([{"worker":0,"steps":1,"samples":1,"restarts":0,"compute_seconds":1,)"
           R"("wait_seconds":0,"step_times":)" +
           times + "}]";
  };
  const std::pair<std::string, std::string> damaged[] = {
      {"", "no JSON array"},
      {"{}", "no JSON array"},
      {"[]", "no JSON array"},
      {"[3]", "no array of objects"},
      {R"([{"worker":-1}])", "worker is no count"},
      {R"([{"worker":0,"steps":1,"samples":1}])", "restarts is no count"},
      {R"([{"worker":0,"steps":1,"samples":1,"restarts":0,"compute_seconds":-1}])",
       "compute_seconds is no time"},
      {R"([{"worker":0,"steps":1,"samples":1,"restarts":0,"compute_seconds":1e300}])",
       "compute_seconds is no time"},
      {line_with("null"), "step_times is no list"},
      {line_with("[[1]]"), "step_times is no list"},
      {line_with("[[3,1],[2,1]]"), "step_times is no list"},
      {line_with("[[496,1]]"), "step_times is no list"},
      {line_with("[[3,5000000000]]"), "step_times is no list"},
      {line_with("[[3,2]]"), "step_times has another number of steps"},
  };
  for (const auto& [text, why] : damaged) {
    CAPTURE(text);
    const auto read = parse_worker_shares(text, "workers.json");
    REQUIRE_FALSE(read);
    CHECK_THAT(read.error().text, Catch::Contains("workers.json: " + why));
  }
}
