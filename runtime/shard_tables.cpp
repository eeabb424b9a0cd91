#include "runtime/shard_tables.hpp"

#include "ops/rows.hpp"

#include <algorithm>
#include <bit>

namespace lagrange::runtime {

namespace {

error defect(const std::string& text) { return {errc::bad_frame, text}; }

/// Answers that are on their way at one time; one more is memory for one time only.
constexpr std::size_t rooms_max = 64;

} // namespace

shard_tables::shard_tables(std::vector<shard_table> tables, allocator memory)
    : tables_(std::move(tables)), memory_(std::move(memory)) {
  for (const auto& each : tables_)
    LAGRANGE_EXPECT(each.optimizer != nullptr && each.shape.width >= 1 &&
                        std::ssize(each.values) == each.shape.rows * each.shape.width,
                    std::to_string(each.values.size()) + " values for " +
                        std::to_string(each.shape.rows) + " rows");
}

std::size_t shard_tables::rows() const {
  std::size_t sum = 0;
  for (const auto& each : tables_) sum += static_cast<std::size_t>(each.shape.rows);
  return sum;
}

std::size_t shard_tables::elements_of(const table_rows& x) const {
  std::size_t sum = 0;
  for (std::size_t table = 0; table < x.counts.size(); ++table)
    sum += x.counts[table] * static_cast<std::size_t>(tables_[table].shape.width);
  return sum;
}

template <class Work>
void shard_tables::each(const table_rows& x, const Work& work) const {
  if (x.empty()) return;
  auto rest = x.rows.values<std::int32_t>();
  std::size_t first = 0;
  for (std::size_t table = 0; table < x.counts.size(); ++table) {
    const auto rows = rest.first(x.counts[table]);
    rest = rest.subspan(rows.size());
    if (!rows.empty()) work(table, rows, first);
    first += rows.size() * static_cast<std::size_t>(tables_[table].shape.width);
  }
}

error shard_tables::find_defect(const table_rows& x) const {
  if (x.empty()) return {};
  if (x.counts.size() != tables_.size())
    return defect("has rows of " + std::to_string(x.counts.size()) + " tables, expected " +
                  std::to_string(tables_.size()));
  error found;
  each(x, [&](std::size_t table, std::span<const std::int32_t> rows, std::size_t) {
    if (found.code == errc::none && rows.back() >= tables_[table].shape.rows) // they ascend
      found =
          defect("has row " + std::to_string(rows.back()) + " of " +
                 std::to_string(tables_[table].shape.rows) + " in table " + std::to_string(table));
  });
  return found;
}

error shard_tables::find_defect(const table_rows& x, const ops::tensor& gradient) const {
  if (auto found = find_defect(x); found.code != errc::none || x.empty()) return found;
  const auto wanted = elements_of(x);
  if (gradient.empty() || static_cast<std::size_t>(gradient.elements()) != wanted)
    return defect("has " + std::to_string(gradient.empty() ? 0 : gradient.elements()) +
                  " elements for " + std::to_string(x.size()) + " rows, expected " +
                  std::to_string(wanted));
  return {};
}

// ---- reading ------------------------------------------------------------------------------------

ops::tensor shard_tables::room(std::size_t elements) {
  const ops::shape extents{static_cast<std::int64_t>(elements)};
  const auto bytes = elements * sizeof(float);
  const auto free = std::ranges::find_if(rooms_, [&](const ops::tensor& old) {
    return !old.is_shared() && old.size_bytes() >= bytes;
  });
  if (free != rooms_.end()) return free->view(ops::dtype::f32, extents);
  const auto size = std::bit_ceil(std::max<std::size_t>(bytes, 4096)); // the next may be longer
  auto made =
      memory_ ? memory_(size) : ops::tensor(ops::dtype::u8, {static_cast<std::int64_t>(size)});
  if (rooms_.size() < rooms_max)
    rooms_.push_back(made);
  else if (const auto small = std::ranges::find_if(
               rooms_, [](const ops::tensor& old) { return !old.is_shared(); });
           small != rooms_.end())
    *small = made;
  return made.view(ops::dtype::f32, extents);
}

ops::tensor shard_tables::read(const table_rows& x) {
  auto made = room(elements_of(x));
  const auto values = made.values<float>();
  each(x, [&](std::size_t table, std::span<const std::int32_t> rows, std::size_t first) {
    const auto width = static_cast<std::size_t>(tables_[table].shape.width);
    ops::gather_rows(tables_[table].values, rows, values.subspan(first, rows.size() * width));
  });
  return made;
}

// ---- stepping -----------------------------------------------------------------------------------

void shard_tables::begin_step(float rate_factor) {
  for (auto& table : tables_) table.optimizer->begin_step(rate_factor);
}

void shard_tables::step_rows(std::size_t table, std::span<const std::int32_t> rows,
                             std::span<const float> gradient, float scale) {
  auto& of = tables_[table];
  const std::span positions(reinterpret_cast<const std::uint32_t*>(rows.data()), rows.size());
  const auto width = static_cast<std::size_t>(of.shape.width);
  of.optimizer->step_rows(0, of.values, {positions, width, gradient}, scale);
}

void shard_tables::step(const table_rows& x, std::span<const float> gradient, float scale) {
  each(x, [&](std::size_t table, std::span<const std::int32_t> rows, std::size_t first) {
    const auto width = static_cast<std::size_t>(tables_[table].shape.width);
    step_rows(table, rows, gradient.subspan(first, rows.size() * width), scale);
  });
}

// ---- rounds -------------------------------------------------------------------------------------

void shard_tables::begin_sum() { summands_.clear(); }

void shard_tables::add(const table_rows& x, std::span<const float> gradient, float weight) {
  if (!x.empty()) summands_.push_back({x, gradient, weight});
}

/// Every row of the summands gets its number among the distinct ones.
void shard_tables::number_summands(std::size_t table) {
  numbering_.begin();
  std::size_t place = 0;
  for (const auto& summand : summands_)
    each(summand.rows, [&](std::size_t of, std::span<const std::int32_t> rows, std::size_t) {
      if (of != table) return;
      for (const auto row : rows) numbering_.add(row, place++);
    });
  numbers_.resize(place);
  numbering_.end(rows_, [&](std::size_t at, std::size_t number) { numbers_[at] = number; });
}

void shard_tables::step_sum() {
  for (std::size_t table = 0; table < tables_.size(); ++table) {
    number_summands(table);
    const auto width = static_cast<std::size_t>(tables_[table].shape.width);
    sum_.assign(rows_.size() * width, 0);
    auto number = numbers_.begin();
    for (const auto& summand : summands_)
      each(summand.rows,
           [&](std::size_t of, std::span<const std::int32_t> rows, std::size_t first) {
             if (of != table) return;
             const float* from = summand.gradient.data() + first;
             for (std::size_t i = 0; i < rows.size(); ++i, ++number) {
               float* to = sum_.data() + *number * width;
               for (std::size_t k = 0; k < width; ++k) to[k] += summand.weight * *from++;
             }
           });
    if (!rows_.empty()) step_rows(table, rows_, sum_, 1);
  }
  summands_.clear(); // what they refer to may go
}

} // namespace lagrange::runtime
