// Dynamic stale synchronous parallel (Zhao et al. 2019): the bound is LOW, but a worker may go up
// to HIGH where that is expected to shorten its wait. The paper's controller counts the extra steps
// out when a worker reaches LOW; here each of them is decided anew, from how long the last steps
// took, so that the policy has nothing to remember.
#include "runtime/staleness/rows.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

constexpr std::uint64_t bound_max = 1'000'000;
/// Steps ahead that are looked at; more change a prediction by nothing that could be trusted.
constexpr std::uint64_t steps_ahead_max = 64;

class dssp final : public staleness_policy {
public:
  dssp(std::uint64_t low, std::uint64_t high) : low_(low), high_(high) {}

  bool admits(const admission& pull) const override {
    const auto lag = pull.clock.value - std::min(pull.clock, pull.slowest).value;
    return lag <= low_ || (lag <= high_ && extra_steps(pull, high_ - lag + 1) > 0);
  }
  std::optional<std::uint64_t> bound() const override { return high_; }

private:
  /// The number of steps, from 0 to `steps_max`, after which the puller would wait the least for
  /// the slowest worker's next push; the least of several.
  static std::uint64_t extra_steps(const admission& pull, std::uint64_t steps_max) {
    const live_clock* own = nullptr;
    const live_clock* slowest = nullptr;
    for (const auto& each : pull.live) {
      if (each.worker == pull.worker) own = &each;
      if (slowest == nullptr || each.clock < slowest->clock) slowest = &each;
    }
    constexpr std::chrono::nanoseconds unknown{0};
    if (own == nullptr || slowest == nullptr || own == slowest || own->step <= unknown ||
        slowest->step <= unknown)
      return 0;
    std::uint64_t best = 0;
    auto least = std::chrono::nanoseconds::max();
    for (std::uint64_t steps = 0; steps <= std::min(steps_max, steps_ahead_max); ++steps) {
      // asked, not now: asked again later, the answer changes only with the clocks.
      const auto ready = pull.asked + own->step * static_cast<std::int64_t>(steps);
      const auto behind = ready - slowest->moved;
      const auto pushes = std::max<std::int64_t>(
          1, (behind + slowest->step - std::chrono::nanoseconds(1)) / slowest->step);
      const auto wait = slowest->moved + slowest->step * pushes - ready;
      if (wait < least) {
        least = wait;
        best = steps;
      }
    }
    return best;
  }

  std::uint64_t low_, high_;
};

} // namespace

result<std::unique_ptr<staleness_policy>> make_dssp(policy_arguments arguments) {
  BOOST_OUTCOME_TRY(low, parse_count(arguments[0], "LOW of policy dssp", 0, bound_max));
  BOOST_OUTCOME_TRY(high, parse_count(arguments[1], "HIGH of policy dssp", low, bound_max));
  return std::unique_ptr<staleness_policy>(std::make_unique<dssp>(low, high));
}

} // namespace lagrange::runtime
