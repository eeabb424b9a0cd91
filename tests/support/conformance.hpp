/// \file
/// The conformance kit for staleness policies: whole jobs of twins under one policy, by seed. Give
/// it your own row, as tests/runtime/policy_conformance_test.cpp does with those of lagrange.
#pragma once

#include "tests/support/twin_job.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lagrange::tests {

/// Names of the row as a config would write them: with every few values of its arguments that it
/// accepts.
inline std::vector<std::string> specs_of(const runtime::policy_row& row) {
  std::vector<std::string> specs{std::string(row.name)};
  const auto arguments = row.arguments.empty() ? 0 : 1 + std::ranges::count(row.arguments, ':');
  for (auto i = arguments; i > 0; --i) {
    std::vector<std::string> longer;
    for (const auto& spec : specs)
      for (const char* value : {":0", ":1", ":3", ":20ms"}) longer.push_back(spec + value);
    specs = std::move(longer);
  }
  std::erase_if(specs, [&](const auto& spec) { return !runtime::make_policy({&row, 1}, spec); });
  return specs;
}

/// Runs the jobs of `count` seeds from `first` on. Empty, or what broke: the invariant, the seed
/// and the step at which it did.
inline std::string find_breach(const runtime::policy_row& row, const std::string& spec,
                               std::uint64_t first, std::uint64_t count) {
  for (auto seed = first; seed < first + count; ++seed) {
    twin_job job([&] { return runtime::make_policy({&row, 1}, spec).value(); }, seed);
    if (const auto& found = job.run())
      return found->invariant + " broken by policy " + spec + ", seed " + std::to_string(seed) +
             ", step " + std::to_string(job.steps()) + ": " + found->text;
  }
  return {};
}

} // namespace lagrange::tests
