#include "runtime/storm_plan.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>

using namespace lagrange::runtime;
using std::chrono::milliseconds;

namespace {

storm_options four_workers(std::uint64_t seed, std::uint32_t strikes) {
  return {.seed = seed,
          .strikes = strikes,
          .roles = {struck_roles().begin(), struck_roles().end()},
          .workers = 4,
          .shards = 2,
          .stop_min = milliseconds(1500)};
}

} // namespace

TEST_CASE("RE-1: one seed is one plan, and another seed another", "[runtime][storm]") {
  CHECK(make_storm_plan(four_workers(7, 100)) == make_storm_plan(four_workers(7, 100)));
  CHECK(make_storm_plan(four_workers(7, 100)) != make_storm_plan(four_workers(8, 100)));
  const auto few = make_storm_plan(four_workers(7, 10)),
             many = make_storm_plan(four_workers(7, 99));
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(few[i].whom == many[i].whom);
}

TEST_CASE("strikes are spread over the job in order, and over all of each role by its weight",
          "[runtime][storm]") {
  const auto plan = make_storm_plan(four_workers(3, 4000));
  REQUIRE(plan.size() == 4000);
  CHECK(std::ranges::is_sorted(plan, {}, &strike::share));
  CHECK(plan.front().share >= first_share);
  CHECK(plan.front().share < first_share + 0.001);
  CHECK(plan.back().share < last_share);
  CHECK(plan.back().share > last_share - 0.001);
  std::map<actor_role, int> roles;
  std::set<actor_name> victims;
  int stops = 0;
  for (const auto& each : plan) {
    ++roles[each.whom.role];
    victims.insert(each.whom);
    if (each.what == blow::kill) {
      CHECK(each.stopped.count() == 0);
      continue;
    }
    ++stops;
    CHECK(each.stopped >= milliseconds(1500));
    CHECK(each.stopped <= milliseconds(3000));
  }
  CHECK(victims.size() == 4 + 2 + 1 + 1 + 2);
  CHECK(roles[actor_role::worker] == Approx(2182).epsilon(0.08));
  CHECK(roles[actor_role::shard] == Approx(727).epsilon(0.12));
  CHECK(roles[actor_role::feeder] == Approx(364).epsilon(0.15));
  CHECK(roles[actor_role::supervisor] == Approx(364).epsilon(0.15));
  CHECK(roles[actor_role::replica] == Approx(364).epsilon(0.15));
  CHECK(stops == Approx(1000).epsilon(0.1));
}

TEST_CASE("a storm by the clock has the mean time between strikes that was asked for",
          "[runtime][storm]") {
  auto options = four_workers(5, 4000);
  options.every = milliseconds(5000);
  const auto plan = make_storm_plan(options);
  CHECK(std::ranges::is_sorted(plan, {}, &strike::after));
  CHECK(plan.back().after.count() == Approx(4000 * 5000).epsilon(0.06)); // four standard errors
  CHECK(std::ranges::all_of(plan, [](const strike& each) { return each.share == 0; }));
}

TEST_CASE("a storm strikes only the roles that it is given", "[runtime][storm]") {
  auto options = four_workers(5, 200);
  options.roles = {{actor_role::shard, 1}};
  for (const auto& each : make_storm_plan(options)) CHECK(each.whom.role == actor_role::shard);
}
