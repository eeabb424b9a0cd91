/// \file
/// What every data set promises, whatever its format.
#pragma once

#include "runtime/data/dataset.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace lagrange::tests {

inline std::vector<std::uint32_t> in_order(std::size_t count) {
  std::vector<std::uint32_t> samples(count);
  std::iota(samples.begin(), samples.end(), 0u);
  return samples;
}

inline std::vector<std::uint32_t> shuffled(std::size_t count, unsigned seed) {
  auto samples = in_order(count);
  std::shuffle(samples.begin(), samples.end(), std::mt19937(seed));
  return samples;
}

inline const runtime::data_row& format(std::string_view wanted) {
  const auto rows = runtime::data_formats();
  const auto row = std::ranges::find(rows, wanted, &runtime::data_row::name);
  REQUIRE(row != rows.end());
  return *row;
}

inline std::unique_ptr<runtime::dataset>
open(std::string_view wanted, const std::string& path,
     runtime::data_split split = runtime::data_split::train,
     const runtime::data_options& options = {}) {
  auto opened = format(wanted).open(path, split, options);
  INFO((opened ? "" : opened.error().text));
  REQUIRE(opened);
  return std::move(opened).value();
}

/// Why a data set is not opened, or "accepted".
inline std::string refusal(std::string_view wanted, const std::string& path,
                           runtime::data_split split = runtime::data_split::train,
                           const runtime::data_options& options = {}) {
  const auto opened = format(wanted).open(path, split, options);
  if (opened) return "accepted";
  CHECK(opened.error().code ==
        (wanted == "synthetic" ? runtime::errc::bad_argument : runtime::errc::bad_file));
  return opened.error().text;
}

inline std::vector<std::int32_t> values(const ops::tensor& from) {
  const auto all = from.values<std::int32_t>();
  return {all.begin(), all.end()};
}

/// The bytes of each sample and its labels, as comparable values.
inline std::vector<std::string> all_bytes(const runtime::dataset& data,
                                          std::span<const std::uint32_t> samples,
                                          std::size_t at_once) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < samples.size(); at += at_once) {
    const auto part = samples.subspan(at, std::min(at_once, samples.size() - at));
    const auto got = data.gather(part);
    for (std::size_t i = 0; i < part.size(); ++i) {
      auto& text = out.emplace_back();
      for (const auto* from : {&got.inputs, &got.labels}) {
        const auto each = from->size_bytes() / part.size();
        text.append(reinterpret_cast<const char*>(from->bytes()) + i * each, each);
      }
    }
  }
  return out;
}

/// Indices that a model looks things up by are below what it was told.
inline void check_indices(const ops::model_input& told, const ops::tensor& inputs) {
  using ops::sample_kind;
  CHECK((inputs.type() == ops::dtype::i32) == (told.kind != sample_kind::numbers));
  if (told.kind == sample_kind::numbers) return;
  const auto all = values(inputs);
  const auto columns = static_cast<std::size_t>(told.extents.elements());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_first = i % columns == 0;
    if (told.kind == sample_kind::sparse_rows && i % 2 == 1) continue; // bits of a value
    const bool is_padding = told.kind == sample_kind::sparse_rows && all[i] == -1;
    const auto limit = told.fields[told.kind == sample_kind::pairs && !is_first ? 1 : 0];
    REQUIRE((is_padding || (all[i] >= 0 && all[i] < limit)));
  }
}

inline void check_laws(const runtime::dataset& data) {
  REQUIRE(data.size() >= 1);
  const auto told = data.input();
  const auto count = std::min<std::size_t>(data.size(), 5000);
  const auto dealt_in_order = all_bytes(data, in_order(count), 64);
  const auto samples = shuffled(count, 3);
  const auto dealt = all_bytes(data, samples, 7);
  for (std::size_t i = 0; i < count; ++i) REQUIRE(dealt[i] == dealt_in_order[samples[i]]);

  const auto got = data.gather(samples);
  std::vector<std::int64_t> extents{static_cast<std::int64_t>(count)};
  for (const auto extent : told.extents.extents()) extents.push_back(extent);
  CHECK(got.inputs.extents() == ops::shape(std::span<const std::int64_t>(extents)));
  CHECK(got.labels.extents() == (told.kind == ops::sample_kind::tokens
                                     ? got.inputs.extents()
                                     : ops::shape{static_cast<std::int64_t>(count)}));
  CHECK(std::isfinite(got.scale));
  check_indices(told, got.inputs);
  for (auto label : got.labels.values<std::int32_t>())
    REQUIRE((label >= 0 && label < told.classes));

  const std::vector<std::uint32_t> beyond{static_cast<std::uint32_t>(data.size())};
  CHECK_THROWS_AS(data.gather(beyond), ops::contract_error);
  CHECK_THROWS_AS(data.gather({}), ops::contract_error);
}

/// Both splits keep the laws, and say the same about themselves but for pairs' other rows.
inline void check_both(std::string_view wanted, const std::string& path,
                       const runtime::data_options& options = {}) {
  const auto train = open(wanted, path, runtime::data_split::train, options);
  const auto test = open(wanted, path, runtime::data_split::test, options);
  check_laws(*train);
  check_laws(*test);
  auto told = test->input();
  if (told.kind == ops::sample_kind::pairs) {
    CHECK(told.extents.elements() >= train->input().extents.elements());
    told.extents = train->input().extents;
  }
  CHECK(told == train->input());
}

} // namespace lagrange::tests
