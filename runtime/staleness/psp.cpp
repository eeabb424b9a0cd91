// Probabilistic synchronous parallel (Wang et al. 2017): a worker waits for a few others, drawn
// anew for every step, instead of for all. BETA others are drawn; with as many as there are it is
// ssp:0, with none it is asp.
#include "runtime/permutation.hpp"
#include "runtime/staleness/rows.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

constexpr std::uint64_t sample_max = 1'000'000;

class psp final : public staleness_policy {
public:
  explicit psp(std::uint64_t sample) : sample_(sample) {}

  /// Among those who are behind nobody may have been drawn. A worker is drawn if fewer than BETA
  /// others come before it in an order that the pull alone decides, so that asking again draws the
  /// same ones, and a worker that leaves or dies makes room for the next.
  bool admits(const admission& pull) const override {
    for (const auto& other : pull.live) {
      if (other.worker == pull.worker || other.clock >= pull.clock) continue;
      const auto place = key(pull, other.worker);
      const auto before = std::ranges::count_if(pull.live, [&](const live_clock& each) {
        return each.worker != pull.worker && key(pull, each.worker) < place;
      });
      if (static_cast<std::uint64_t>(before) < sample_) return false;
    }
    return true;
  }
  std::optional<std::uint64_t> bound() const override { return std::nullopt; }

private:
  /// Different for different workers: mix is a bijection.
  static std::uint64_t key(const admission& pull, worker_id other) {
    return mix(pull.draw ^ mix(other.value));
  }

  std::uint64_t sample_;
};

} // namespace

result<std::unique_ptr<staleness_policy>> make_psp(policy_arguments arguments) {
  BOOST_OUTCOME_TRY(sample, parse_count(arguments[0], "BETA of policy psp", 0, sample_max));
  return std::unique_ptr<staleness_policy>(std::make_unique<psp>(sample));
}

} // namespace lagrange::runtime
