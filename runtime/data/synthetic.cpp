#include "runtime/data/synthetic.hpp"

#include "runtime/data/lines.hpp"
#include "runtime/data/rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

namespace {

constexpr std::uint64_t seed = 0x6c616772616e6765; // "lagrange"

struct synthetic_row {
  std::string_view name;
  std::string_view arguments;
  std::string_view example;
  result<std::unique_ptr<dataset>> (*make)(const synthetic_order& order);
};

constexpr synthetic_row table[] = {
    {"blobs", "SAMPLES:FEATURES:CLASSES", "1000:8:3", make_blobs},
    {"zipf-pairs", "SAMPLES:ROWS_A:ROWS_B:EXPONENT", "100000:5000:2000:1.1", make_zipf_pairs},
};

std::string expected_kinds() {
  std::string text;
  for (const auto& row : table)
    text += fmt::format("{}{}:{}, as in {}:{}", text.empty() ? "" : "; or ", row.name,
                        row.arguments, row.name, row.example);
  return text;
}

} // namespace

// Paper: Steele et al. 2014 (SplitMix).
std::uint64_t draw_bits(std::uint64_t stream, std::uint64_t index) {
  auto x = seed + stream * 0xd1342543de82ef95 + (index + 1) * 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

result<std::unique_ptr<dataset>> open_synthetic(const std::string& path, data_split split,
                                                const data_options&) {
  synthetic_order order{path.substr(path.find_last_of('/') + 1), {}, split};
  std::string_view rest = order.spec;
  const auto kind = take_field(rest, ':');
  const auto row = std::ranges::find(table, kind, &synthetic_row::name);
  if (const auto colons = std::ranges::count(order.spec, ':');
      row == std::end(table) || colons != std::ranges::count(row->arguments, ':') + 1)
    return failure(errc::bad_argument,
                   fmt::format("synthetic data \"{}\", expected {}", order.spec, expected_kinds()));
  while (!rest.empty()) order.arguments.emplace_back(take_field(rest, ':'));
  order.arguments.resize(static_cast<std::size_t>(std::ranges::count(row->arguments, ':')) + 1);
  return row->make(order);
}

} // namespace lagrange::runtime
