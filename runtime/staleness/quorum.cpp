// Synchronous steps that wait for a quorum: with N below the number of workers the others are the
// backup workers of Chen et al. (2016); the grace after it is that of Decoupled DiLoCo (2026).
// Which leases are in is decided by the feeder, once for all shards.
#include "runtime/job_units.hpp"
#include "runtime/staleness/rows.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

namespace {

constexpr std::uint64_t leases_max = 1'000'000;
constexpr std::chrono::hours grace_max{1};

class quorum_policy final : public staleness_policy {
public:
  explicit quorum_policy(const round_quorum& needs) : needs_(needs) {}

  /// Not by clocks: a worker whose lease was dropped is behind, and nobody waits for it.
  bool admits(const admission& pull) const override { return pull.clock.value <= pull.round; }
  std::optional<std::uint64_t> bound() const override { return std::nullopt; }
  arrival arrivals() const override { return arrival::round; }
  std::optional<round_quorum> quorum() const override { return needs_; }

private:
  round_quorum needs_;
};

} // namespace

result<std::unique_ptr<staleness_policy>> make_quorum(policy_arguments arguments) {
  BOOST_OUTCOME_TRY(leases, parse_count(arguments[0], "N of policy quorum", 1, leases_max));
  const auto grace = parse_duration(arguments[1], grace_max);
  if (!grace)
    return failure(errc::bad_argument,
                   fmt::format("GRACE of policy quorum is \"{}\", expected a time from 0ms to 1h, "
                               "with ms, s, m or h",
                               arguments[1]));
  const round_quorum needs{static_cast<std::uint32_t>(leases), *grace};
  return std::unique_ptr<staleness_policy>(std::make_unique<quorum_policy>(needs));
}

} // namespace lagrange::runtime
