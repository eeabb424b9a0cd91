#include "runtime/job_units.hpp"

#include "runtime/spec.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace lagrange::runtime {

namespace {

using std::chrono::milliseconds;

struct unit_row {
  std::string_view name;
  milliseconds length;
};
constexpr unit_row units[] = {{"h", std::chrono::hours(1)},
                              {"m", std::chrono::minutes(1)},
                              {"s", std::chrono::seconds(1)},
                              {"ms", milliseconds(1)}};

struct size_row {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr size_row sizes[] = {{"GiB", 1 << 30},  {"GB", 1'000'000'000}, {"MiB", 1 << 20},
                              {"MB", 1'000'000}, {"KiB", 1 << 10},      {"KB", 1'000}};
/// Far above any machine, and far below what overflows.
constexpr std::uint64_t bytes_max = std::uint64_t{1} << 50;

struct bit_rate_row {
  std::string_view name;
  std::uint64_t bits;
};
constexpr bit_rate_row bit_rates[] = {
    {"Gbit", 1'000'000'000}, {"Mbit", 1'000'000}, {"kbit", 1'000}};
constexpr std::uint64_t bit_rate_max = 1'000'000'000'000'000;

/// The digits that `text` begins with, and what comes after them.
std::optional<std::pair<std::uint64_t, std::string_view>> split_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc{}) return std::nullopt;
  return std::pair(number, std::string_view(stop, static_cast<std::size_t>(end - stop)));
}

} // namespace

std::string written(milliseconds time) {
  for (const auto& unit : units) {
    const auto count = time / unit.length;
    const bool is_natural = count > 1 || (count == 1 && unit.length < std::chrono::minutes(1));
    if (is_natural && time % unit.length == milliseconds(0))
      return fmt::format("{}{}", count, unit.name);
  }
  return "0ms";
}

std::optional<milliseconds> parse_duration(std::string_view text, milliseconds high) {
  const auto parts = split_number(text);
  if (!parts) return std::nullopt;
  for (const auto& unit : units)
    if (parts->second == unit.name && parts->first <= std::uint64_t(high / unit.length))
      return unit.length * static_cast<std::int64_t>(parts->first);
  return std::nullopt;
}

std::string written(std::chrono::microseconds time) {
  const auto whole = std::chrono::duration_cast<milliseconds>(time);
  return whole == time ? written(whole) : fmt::format("{}us", time.count());
}

std::optional<std::chrono::microseconds> parse_fine_duration(std::string_view text,
                                                             std::chrono::microseconds high) {
  const auto parts = split_number(text);
  if (!parts) return std::nullopt;
  if (parts->second != "us")
    return parse_duration(text, std::chrono::duration_cast<milliseconds>(high));
  if (parts->first > static_cast<std::uint64_t>(high.count())) return std::nullopt;
  return std::chrono::microseconds(parts->first);
}

std::string written_bit_rate(std::uint64_t bits) {
  if (bits == 0) return "none";
  for (const auto& unit : bit_rates)
    if (bits % unit.bits == 0) return fmt::format("{}{}", bits / unit.bits, unit.name);
  return fmt::format("{}bit", bits);
}

std::optional<std::uint64_t> parse_bit_rate(std::string_view text) {
  if (text == "none") return 0;
  const auto parts = split_number(text);
  if (!parts || parts->first == 0) return std::nullopt;
  for (const auto& unit : bit_rates)
    if (parts->second == unit.name && parts->first <= bit_rate_max / unit.bits)
      return parts->first * unit.bits;
  return std::nullopt;
}

std::string written_epochs(std::uint64_t thousandths) {
  auto number = fmt::format("{}.{:03}", thousandths / 1000, thousandths % 1000);
  while (number.ends_with('0')) number.pop_back();
  if (number.ends_with('.')) number.pop_back();
  return number + (thousandths == 1000 ? " epoch" : " epochs");
}

std::optional<std::uint64_t> parse_epochs(std::string_view text) {
  const auto space = text.find(' ');
  const auto unit = text.substr(std::min(space, text.size()));
  if (unit != " epoch" && unit != " epochs") return std::nullopt;
  const auto number = text.substr(0, space);
  const auto point = std::min(number.find('.'), number.size());
  auto digits = std::string(number.substr(0, point));
  const auto behind = number.substr(std::min(point + 1, number.size()));
  if (behind.size() > 3 || (point < number.size() && behind.empty())) return std::nullopt;
  digits += std::string(behind) + std::string(3 - behind.size(), '0');
  const auto read = parse_count(digits, "it", 1, epochs_every_max * 1000);
  return read && point > 0 ? std::optional(read.value()) : std::nullopt;
}

std::string written_bytes(std::uint64_t bytes) {
  if (bytes == 0) return "none";
  for (const auto& unit : sizes)
    if (bytes % unit.bytes == 0) return fmt::format("{}{}", bytes / unit.bytes, unit.name);
  return fmt::format("{}B", bytes);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  if (text == "none") return 0;
  const auto parts = split_number(text);
  if (!parts || parts->first == 0) return std::nullopt;
  for (const auto& unit : sizes)
    if (parts->second == unit.name && parts->first <= bytes_max / unit.bytes)
      return parts->first * unit.bytes;
  return std::nullopt;
}

} // namespace lagrange::runtime
