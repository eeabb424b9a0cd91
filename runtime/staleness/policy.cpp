#include "runtime/staleness/policy.hpp"

#include "runtime/nearest.hpp"
#include "runtime/staleness/rows.hpp"

#include <charconv>
#include <vector>

namespace lagrange::runtime {

namespace {

constexpr policy_row table[] = {
    {"bsp", "", "every round of leases is one step; all wait for the slowest", make_bsp},
    {"ssp", "BOUND", "no worker reads more than BOUND steps ahead of the slowest", make_ssp},
    {"asp", "", "nobody waits; staleness is whatever happens", make_asp},
};

std::vector<std::string_view> split(std::string_view spec) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= spec.size();) {
    const auto end = std::min(spec.find(':', begin), spec.size());
    parts.push_back(spec.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string usage(const policy_row& row) {
  std::string text(row.name);
  if (!row.arguments.empty()) text.append(":").append(row.arguments);
  return text;
}

} // namespace

std::span<const policy_row> policies() { return table; }

result<std::unique_ptr<staleness_policy>> make_policy(std::span<const policy_row> rows,
                                                      std::string_view spec) {
  const auto parts = split(spec);
  std::vector<std::string_view> names;
  std::string expected;
  for (const auto& row : rows) {
    names.push_back(row.name);
    expected += (expected.empty() ? "" : ", ") + usage(row);
    if (row.name != parts.front()) continue;
    const std::span<const std::string_view> arguments(parts.data() + 1, parts.size() - 1);
    const auto wanted = row.arguments.empty() ? 0 : split(row.arguments).size();
    if (arguments.size() != wanted)
      return failure(errc::bad_argument, "policy \"" + std::string(spec) + "\" has " +
                                             std::to_string(arguments.size()) +
                                             " arguments, expected " + usage(row));
    return row.make(arguments);
  }
  std::string text = "unknown policy \"" + std::string(spec) + "\", expected one of " + expected;
  if (const auto near = nearest(parts.front(), names); !near.empty())
    text += "; did you mean \"" + near + "\"?";
  return failure(errc::bad_argument, std::move(text));
}

result<std::uint64_t> parse_count(std::string_view text, std::string_view what, std::uint64_t low,
                                  std::uint64_t high) {
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || stop != end || problem != std::errc{} || value < low || value > high)
    return failure(errc::bad_argument, std::string(what) + " is \"" + std::string(text) +
                                           "\", expected a whole number from " +
                                           std::to_string(low) + " to " + std::to_string(high));
  return value;
}

} // namespace lagrange::runtime
