#include "runtime/spec.hpp"

#include "runtime/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace lagrange::runtime {

std::vector<std::string_view> split_spec(std::string_view spec) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= spec.size();) {
    const auto end = std::min(spec.find(':', begin), spec.size());
    parts.push_back(spec.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string usage_of(std::string_view name, std::string_view arguments) {
  if (arguments.empty()) return std::string(name);
  const bool is_optional = arguments.front() == '[';
  return fmt::format("{}{}{}", name, is_optional ? "[:" : ":", arguments.substr(is_optional));
}

bool takes(std::string_view arguments, std::size_t count) {
  const auto most = arguments.empty() ? 0 : split_spec(arguments).size();
  const auto optional = static_cast<std::size_t>(std::ranges::count(arguments, '['));
  return count <= most && count + optional >= most;
}

error wrong_arguments(std::string_view kind, std::string_view spec, std::string_view usage) {
  const auto count = split_spec(spec).size() - 1;
  return {errc::bad_argument, fmt::format("{} \"{}\" has {} argument{}, expected {}", kind, spec,
                                          count, count == 1 ? "" : "s", usage)};
}

error unknown_spec(std::string_view kind, std::string_view spec, const spec_names& known) {
  return {errc::bad_argument, fmt::format("unknown {} \"{}\", expected one of {}{}", kind, spec,
                                          fmt::join(known.usages, ", "),
                                          did_you_mean(split_spec(spec).front(), known.names))};
}

result<std::uint64_t> parse_count(std::string_view text, std::string_view what, std::uint64_t low,
                                  std::uint64_t high) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || stop != end || problem != std::errc{} || value < low || value > high)
    return failure(
        errc::bad_argument,
        fmt::format("{} is \"{}\", expected a whole number from {} to {}", what, text, low, high));
  return value;
}

result<double> parse_number(std::string_view text, std::string_view what, double low, double high) {
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || stop != end || problem != std::errc{} || !(value >= low && value <= high))
    return failure(
        errc::bad_argument,
        fmt::format("{} is \"{}\", expected a number from {:g} to {:g}", what, text, low, high));
  return value;
}

} // namespace lagrange::runtime
