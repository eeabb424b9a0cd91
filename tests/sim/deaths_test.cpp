// Simulated jobs with leases that kill whoever computes them, and with computations that hang.
#include "simulation.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>

using namespace lagrange;
using sim::scenario;
using sim::simulate;

namespace {

std::uint64_t seeds(std::uint64_t count) {
  const char* many = std::getenv("LAGRANGE_SIM_SEEDS");
  return many != nullptr ? std::strtoull(many, nullptr, 10) : count;
}

const std::vector<std::string> policies{"bsp", "ssp:0", "ssp:2", "asp", "quorum:2:5ms", "psp:1"};

std::size_t told(const sim::report& found, const std::string& what) {
  return static_cast<std::size_t>(std::ranges::count_if(
      found.told, [&](const auto& each) { return each.find(what) != std::string::npos; }));
}

/// Of the parameters at the end: whole numbers count what was applied.
void check_counts(const sim::report& found) {
  for (const auto parameter : found.parameters)
    CHECK(parameter == -static_cast<float>(found.expected_updates));
}

} // namespace

TEST_CASE("LE-1 EN-1 RE-1: a lease that kills whoever computes it is set aside, and nothing else",
          "[sim][deaths]") {
  for (std::uint64_t seed = 1; seed <= seeds(24); ++seed) {
    scenario chosen;
    chosen.seed = seed;
    chosen.policy = policies[seed % policies.size()];
    chosen.workers = 1 + static_cast<std::uint32_t>(seed % 4);
    if (chosen.policy.starts_with("quorum")) chosen.workers = std::max(chosen.workers, 2U);
    chosen.shards = 1 + static_cast<std::uint32_t>(seed % 3);
    chosen.faults = {0.05 * static_cast<double>(seed % 3), 0.05, std::chrono::milliseconds(10)};
    chosen.steps.poison = {3, 17};
    INFO("seed " << seed << ", " << chosen.policy << ", " << chosen.workers << " workers, "
                 << chosen.shards << " shards");
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    const auto excluded = found.figures.leases.dropped - found.figures.leases.set_aside;
    if (chosen.policy.starts_with("quorum")) {
      CHECK(found.figures.leases.set_aside <= 2);
    } else {
      CHECK(excluded == 0);
      CHECK(found.figures.leases.set_aside == 2);
      CHECK(told(found, "is set aside: worker-") == 2);
    }
    check_counts(found);
    CHECK(sim::find_difference(chosen, found) == "");
  }
}

TEST_CASE("EN-1: without quarantine such a lease ends the job", "[sim][deaths]") {
  scenario chosen;
  chosen.steps.poison = {3};
  chosen.set = {"restart.batch_deaths=0"};
  CHECK_THAT(simulate(chosen).breach, Catch::Contains("more than restart.intensity = 50"));
}

TEST_CASE("CL-2 EN-1: a computation that hangs while its worker reports is found, killed, and its "
          "lease computed by another attempt",
          "[sim][deaths]") {
  for (std::uint64_t seed = 1; seed <= seeds(12); ++seed) {
    scenario chosen;
    chosen.seed = seed;
    chosen.policy = policies[seed % policies.size()];
    chosen.epochs = 20; // long enough to know what a step takes
    chosen.steps.hangs = {200};
    chosen.set = {"restart.hang=2s"};
    INFO("seed " << seed << ", " << chosen.policy);
    const auto found = simulate(chosen);
    CHECK(found.breach == "");
    CHECK(found.figures.restarts.worker <= 1);
    CHECK(told(found, "hung: lease 200 has taken 2.") == found.figures.restarts.worker);
    CHECK(found.figures.leases.set_aside == 0);
    // Where others wait for the clock or for the round of who hangs, it had to be found.
    if (chosen.policy == "bsp" || chosen.policy.starts_with("ssp"))
      CHECK(found.figures.restarts.worker == 1);
    CHECK(found.figures.leases.dealt_again > 0);
    check_counts(found);
  }
}

TEST_CASE("a job goes on without a worker that dies too often, and says so", "[sim][deaths]") {
  scenario chosen;
  chosen.steps.poison = {3};
  chosen.workers = 3;
  chosen.set = {"restart.batch_deaths=3", "restart.intensity=0", "restart.worker.escalation=go_on"};
  const auto short_of_workers = simulate(chosen);
  CHECK_THAT(short_of_workers.breach, Catch::Contains("the job failed"));
  chosen.workers = 4;
  const auto found = simulate(chosen);
  CHECK(found.breach == "");
  CHECK(found.figures.given_up.size() == 3);
  CHECK(told(found, "is given up: it died 1 times") == 3);
  CHECK(found.figures.leases.set_aside == 1);
}
