#include "runtime/conformance/policy_trial.hpp"

#include "runtime/conformance/twin_job.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

std::vector<std::string> specs_of(const policy_row& row) {
  std::vector<std::string> specs{std::string(row.name)};
  const auto arguments = row.arguments.empty() ? 0 : 1 + std::ranges::count(row.arguments, ':');
  for (auto i = arguments; i > 0; --i) {
    std::vector<std::string> longer;
    for (const auto& spec : specs)
      for (const char* value : {":0", ":1", ":3", ":20ms"}) longer.push_back(spec + value);
    specs = std::move(longer);
  }
  std::erase_if(specs, [&](const auto& spec) { return !make_policy({&row, 1}, spec); });
  return specs;
}

std::string to_string(const policy_breach& x) {
  return fmt::format("{} is broken by seed {} at event {}: {}", x.invariant, x.seed, x.event,
                     x.text);
}

std::optional<policy_breach> find_breach(std::span<const policy_row> rows, std::string_view spec,
                                         std::uint64_t first, std::uint64_t count) {
  for (auto seed = first; seed < first + count; ++seed) {
    twin_job job([&] { return make_policy(rows, spec).value(); }, seed);
    if (const auto& found = job.run())
      return policy_breach{found->invariant, found->text, seed, job.steps()};
  }
  return std::nullopt;
}

} // namespace lagrange::runtime
