#include "runtime/storm_plan.hpp"

#include "ops/contract.hpp"
#include "ops/random.hpp"

#include <array>
#include <cmath>

namespace lagrange::runtime {

namespace {

constexpr std::array<struck_role, 5> roles{{{actor_role::worker, 6},
                                            {actor_role::shard, 2},
                                            {actor_role::feeder, 1},
                                            {actor_role::supervisor, 1},
                                            {actor_role::replica, 1}}};
/// So many strikes in a hundred are stops.
constexpr std::uint64_t stops_percent = 25;
/// Numbers that one strike draws at most.
constexpr std::uint64_t numbers_each = 8;

/// What strike `number` draws.
class draws {
public:
  draws(std::uint64_t seed, std::uint64_t number)
      : drawn_(seed, 0x73746F726D000000), // a stream of its own
        at_(number * numbers_each) {}
  std::uint64_t below(std::uint64_t bound) { return drawn_.bits(at_++) % bound; }
  /// Above 0, below 1.
  double unit() { return (static_cast<double>(drawn_.bits(at_++) >> 11U) + 0.5) * 0x1p-53; }

private:
  ops::random_sequence drawn_;
  std::uint64_t at_;
};

actor_role draw_role(std::span<const struck_role> from, draws& drawn) {
  std::uint64_t all = 0;
  for (const auto& each : from) all += each.weight;
  LAGRANGE_EXPECT(all > 0, "a storm that strikes nobody");
  auto at = drawn.below(all);
  for (const auto& each : from) {
    if (at < each.weight) return each.role;
    at -= each.weight;
  }
  return from.back().role;
}

std::uint32_t count_of(actor_role role, const storm_options& options) {
  const bool is_of_shards = role == actor_role::shard || role == actor_role::replica;
  return role == actor_role::worker ? options.workers : is_of_shards ? options.shards : 1;
}

} // namespace

std::span<const struck_role> struck_roles() { return roles; }

std::vector<strike> make_storm_plan(const storm_options& options) {
  using real_milliseconds = std::chrono::duration<double, std::milli>;
  const auto in_whole = [](real_milliseconds time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time);
  };
  std::vector<strike> plan;
  std::chrono::milliseconds after{0};
  for (std::uint32_t number = 0; number < options.strikes; ++number) {
    draws drawn(options.seed, number);
    strike next;
    next.whom.role = draw_role(options.roles, drawn);
    next.whom.index = static_cast<std::uint32_t>(drawn.below(count_of(next.whom.role, options)));
    next.what = drawn.below(100) < stops_percent ? blow::stop : blow::kill;
    const auto longer = 1 + drawn.unit(), moment = drawn.unit();
    if (next.what == blow::stop)
      next.stopped = in_whole(longer * real_milliseconds(options.stop_min));
    if (options.every.count() > 0)
      after += in_whole(-std::log(moment) * real_milliseconds(options.every));
    else
      next.share = first_share + (last_share - first_share) * (number + moment) / options.strikes;
    next.after = after;
    plan.push_back(next);
  }
  return plan;
}

} // namespace lagrange::runtime
