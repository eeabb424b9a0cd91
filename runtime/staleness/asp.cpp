// Asynchronous parallel (Dean et al. 2012): every pull is answered at once.
#include "runtime/staleness/rows.hpp"

namespace lagrange::runtime {

namespace {

class asp final : public staleness_policy {
public:
  bool admits(const admission&) const override { return true; }
  std::optional<std::uint64_t> bound() const override { return std::nullopt; }
  bool looks_at_slowest_alone() const override { return true; }
};

} // namespace

result<std::unique_ptr<staleness_policy>> make_asp(policy_arguments) {
  return std::unique_ptr<staleness_policy>(std::make_unique<asp>());
}

} // namespace lagrange::runtime
