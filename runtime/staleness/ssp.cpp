// Stale synchronous parallel (Ho et al. 2013): c - min(clock) <= bound. At ssp(0) each waits for
// all, as under bsp, but every gradient is still an update of its own.
#include "runtime/staleness/rows.hpp"

namespace lagrange::runtime {

namespace {

/// Far above any bound that still bounds something, and safe from overflow.
constexpr std::uint64_t bound_max = 1'000'000;

class ssp final : public staleness_policy {
public:
  explicit ssp(std::uint64_t bound) : bound_(bound) {}
  bool admits(const admission& pull) const override {
    return pull.clock.value <= pull.slowest.value + bound_;
  }
  std::optional<std::uint64_t> bound() const override { return bound_; }
  bool looks_at_slowest_alone() const override { return true; }

private:
  std::uint64_t bound_;
};

} // namespace

result<std::unique_ptr<staleness_policy>> make_ssp(policy_arguments arguments) {
  BOOST_OUTCOME_TRY(bound, parse_count(arguments[0], "the bound of policy ssp", 0, bound_max));
  return std::unique_ptr<staleness_policy>(std::make_unique<ssp>(bound));
}

} // namespace lagrange::runtime
