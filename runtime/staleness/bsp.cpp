// Bulk synchronous parallel (Valiant 1990): a pull waits until the round before it is in.
#include "runtime/staleness/rows.hpp"

namespace lagrange::runtime {

namespace {

class bsp final : public staleness_policy {
public:
  bool admits(const admission& pull) const override { return pull.clock <= pull.slowest; }
  std::optional<std::uint64_t> bound() const override { return 0; }
  bool looks_at_slowest_alone() const override { return true; }
  arrival arrivals() const override { return arrival::round; }
};

} // namespace

result<std::unique_ptr<staleness_policy>> make_bsp(policy_arguments) {
  return std::unique_ptr<staleness_policy>(std::make_unique<bsp>());
}

} // namespace lagrange::runtime
