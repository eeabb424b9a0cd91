#include "model_samples.hpp"

#include "reference.hpp"
#include "whole_tables.hpp"

#include <bit>

namespace lagrange::tests {

using namespace ops;

namespace {

// A third of the places of each row is left empty.
void fill_sparse(const model_input& from, std::span<std::int32_t> out, std::uint64_t seed) {
  const auto drawn = labels(std::ssize(out) / 2, 3 * from.fields[0] / 2, seed);
  const auto values = numbers(std::ssize(out) / 2, seed);
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    out[2 * i] = drawn[i] < from.fields[0] ? drawn[i] : -1;
    out[2 * i + 1] = std::bit_cast<std::int32_t>(values[i]);
  }
}

void fill_pairs(const model_input& from, std::span<std::int32_t> out, std::uint64_t seed) {
  const auto left = labels(std::ssize(out), from.fields[0], seed);
  const auto right = labels(std::ssize(out), from.fields[1], seed + 1);
  const auto row = static_cast<std::size_t>(from.extents[0]);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = i % row == 0 ? left[i] : right[i];
}

} // namespace

model_input input_of(const model_row& row) {
  switch (row.takes) {
  case sample_kind::tokens:
    return {{9}, 11, row.takes, {11, 0}};
  case sample_kind::sparse_rows:
    return {{6, 2}, 2, row.takes, {20, 0}};
  case sample_kind::pairs:
    return {{2}, 2, row.takes, {7, 30}};
  default:
    return {{28, 28, 1}, 10};
  }
}

model_input input_without_draws(const model_row& row) {
  auto made = input_of(row);
  if (row.takes == sample_kind::pairs) made.extents = {2 + 5};
  return made;
}

std::unique_ptr<network> make_small(const model_row& row) {
  model_settings set;
  for (const auto& [name, value] : {std::pair("layers", 2), {"width", 16}, {"heads", 2}})
    if (std::ranges::find(row.settings, name, &model_setting::name) != row.settings.end())
      set.set(name, value);
  return with_whole_tables(row.make(input_of(row), set));
}

batch_of samples(const model_input& from, std::int64_t count, std::uint64_t seed) {
  const auto extents = from.extents.extents();
  std::vector<std::int64_t> all{count};
  all.insert(all.end(), extents.begin(), extents.end());
  const bool is_numbers = from.kind == sample_kind::numbers;
  batch_of made{tensor(is_numbers ? dtype::f32 : dtype::i32, shape(all)), {}};
  const bool is_sequence = from.kind == sample_kind::tokens;
  made.labels = labels(is_sequence ? made.inputs.elements() : count, from.classes, seed);
  if (is_numbers) {
    std::ranges::copy(numbers(made.inputs.elements(), seed), made.inputs.values<float>().begin());
    return made;
  }
  const auto out = made.inputs.values<std::int32_t>();
  if (is_sequence)
    std::ranges::copy(labels(std::ssize(out), from.fields[0], seed + 1), out.begin());
  else if (from.kind == sample_kind::sparse_rows)
    fill_sparse(from, out, seed);
  else
    fill_pairs(from, out, seed);
  if (from.kind == sample_kind::pairs) std::ranges::fill(made.labels, 1);
  return made;
}

} // namespace lagrange::tests
