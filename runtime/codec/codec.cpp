#include "runtime/codec/codec.hpp"

#include "runtime/codec/rows.hpp"
#include "runtime/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace lagrange::runtime {

namespace {

constexpr codec_row table[] = {
    {"none", "", "f32 as it is", make_none},
    {"f16", "", "half precision, 2 bytes a value, largest 65504", make_f16},
    {"bf16", "", "the upper half of an f32, 2 bytes a value", make_bf16},
    {"int8", "", "1 byte a value and a scale every 256, rounded at random", make_int8},
    {"topk", "SHARE",
     "only the SHARE of values that are largest; may be followed by one of the others", make_topk,
     true},
};

struct stage {
  std::string_view text; ///< as it was written
  std::string_view name;
  std::optional<std::string_view> argument;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<stage> split(std::string_view text) {
  std::vector<stage> stages;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find('|', begin), text.size());
    const auto written = trimmed(text.substr(begin, end - begin));
    const auto colon = written.find(':');
    stages.push_back({written, trimmed(written.substr(0, colon)), {}});
    if (colon != written.npos) stages.back().argument = trimmed(written.substr(colon + 1));
    begin = end + 1;
  }
  return stages;
}

std::string usage(const codec_row& row) {
  return fmt::format("{}{}{}", row.name, row.arguments.empty() ? "" : ":", row.arguments);
}

std::string listed(std::span<const codec_row> rows) {
  std::string names;
  for (const auto& row : rows) names += (names.empty() ? "" : ", ") + usage(row);
  return names;
}

/// The row of a stage whose name and number of arguments are right.
result<const codec_row*> find_row(std::span<const codec_row> rows, const stage& of) {
  const auto row = std::ranges::find(rows, of.name, &codec_row::name);
  if (row == rows.end()) {
    std::vector<std::string_view> names;
    for (const auto& each : rows) names.push_back(each.name);
    return failure(errc::bad_argument,
                   fmt::format("unknown codec \"{}\", expected one of {}{}", of.text, listed(rows),
                               did_you_mean(of.name, names)));
  }
  if (of.argument.has_value() == row->arguments.empty())
    return failure(errc::bad_argument,
                   fmt::format("codec \"{}\" has {} argument, expected {}", of.text,
                               of.argument ? "an" : "no", usage(*row)));
  return &*row;
}

/// Whether `next` may follow `row`.
result<void> check_order(const codec_row& row, const codec_row& next) {
  if (!row.selects)
    return failure(errc::bad_argument,
                   fmt::format("codec {0} is followed by {1}, but {0} writes every value it is "
                               "given: expected nothing after it",
                               row.name, next.name));
  if (next.selects)
    return failure(errc::bad_argument,
                   fmt::format("codecs {} and {} both select what is sent, expected one such stage "
                               "and then one that writes values",
                               row.name, next.name));
  return success();
}

} // namespace

std::span<const codec_row> codecs() { return table; }

result<std::unique_ptr<codec>> make_codec(std::span<const codec_row> rows, std::string_view text) {
  if (trimmed(text).empty())
    return failure(errc::bad_argument,
                   fmt::format("the codec is empty, expected one of {}", listed(rows)));
  const auto stages = split(text);
  std::vector<const codec_row*> found;
  for (const auto& each : stages) {
    if (each.text.empty())
      return failure(errc::bad_argument,
                     fmt::format("codec \"{}\" has an empty stage, expected one of {} on each side "
                                 "of \"|\"",
                                 text, listed(rows)));
    BOOST_OUTCOME_TRY(row, find_row(rows, each));
    if (!found.empty()) {
      BOOST_OUTCOME_TRY(check_order(*found.back(), *row));
    }
    found.push_back(row);
  }
  std::unique_ptr<codec> made;
  for (auto i = stages.size(); i-- > 0;) {
    BOOST_OUTCOME_TRY(outer, found[i]->make(stages[i].argument.value_or(""), std::move(made)));
    made = std::move(outer);
  }
  return made;
}

result<void> check_size(const codec& by, std::size_t bytes, std::size_t elements) {
  if (bytes == by.bytes_max(elements)) return success();
  return failure(errc::bad_frame, fmt::format("codec {}: {} bytes for {} values, expected {}",
                                              by.name(), bytes, elements, by.bytes_max(elements)));
}

error not_finite(const codec& by, std::span<const float> values) {
  const auto at = std::ranges::find_if_not(values, [](float x) { return std::isfinite(x); });
  return {errc::bad_frame,
          fmt::format("codec {}: value {} is {}, expected a finite number", by.name(),
                      at - values.begin(), at == values.end() ? 0.0F : *at)};
}

} // namespace lagrange::runtime
