// A policy of one's own. The program has the whole command line: my_policy run --policy majority,
// my_policy check-policy majority, my_policy list policies.
#include <lagrange/lagrange.hpp>

#include <algorithm>

using namespace lagrange::runtime;

/// A worker may go on while at most half of the workers are behind it.
class majority final : public staleness_policy {
  bool admits(const admission& pull) const override {
    const auto is_behind = [&](const live_clock& each) { return each.clock < pull.clock; };
    return 2 * std::ranges::count_if(pull.live, is_behind) <= std::ssize(pull.live);
  }
  std::optional<std::uint64_t> bound() const override { return std::nullopt; }
};

int main(int argc, char** argv) {
  auto rows = catalog::standard();
  rows.policies.push_back(
      {"majority", "", "waits for half of the workers",
       [](std::span<const std::string_view>) -> result<std::unique_ptr<staleness_policy>> {
         return std::make_unique<majority>();
       }});
  return lagrange::main(argc, argv, rows);
}
