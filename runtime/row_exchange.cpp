#include "runtime/row_exchange.hpp"

#include "ops/norm.hpp"

#include <algorithm>
#include <bit>

namespace lagrange::runtime {

namespace {

/// Floats after which a frame's values begin on a line of the cache, and as the wire wants them.
constexpr std::size_t line = 16;
std::size_t padded(std::size_t floats) { return (floats + line - 1) / line * line; }

std::size_t elements_of(const table_rows& x, std::span<const table_shape> tables) {
  std::size_t sum = 0;
  for (std::size_t table = 0; table < x.counts.size(); ++table)
    sum += x.counts[table] * static_cast<std::size_t>(tables[table].width);
  return sum;
}

/// Rows `first` to `end` of all.
table_rows slice_of(const table_rows& all, std::size_t first, std::size_t end) {
  table_rows made;
  std::size_t begin = 0; // of the table
  for (const std::size_t count : all.counts) {
    const auto from = std::max(first, begin), to = std::min(end, begin + count);
    made.counts.push_back(static_cast<std::uint32_t>(to > from ? to - from : 0));
    begin += count;
  }
  made.rows =
      all.rows.slice(static_cast<std::int64_t>(first), static_cast<std::int64_t>(end - first));
  return made;
}

} // namespace

std::vector<table_rows> cut_rows(const table_rows& rows, std::span<const table_shape> tables,
                                 std::size_t elements_max) {
  std::vector<table_rows> made;
  std::size_t first = 0, at = 0, elements = 0;
  for (std::size_t table = 0; table < rows.counts.size(); ++table) {
    const auto width = static_cast<std::size_t>(tables[table].width);
    for (std::uint32_t i = 0; i < rows.counts[table]; ++i, ++at) {
      // The wire wants payloads aligned to two rows' numbers.
      if (elements + 2 * width > elements_max && at > first && (at - first) % 2 == 0) {
        made.push_back(slice_of(rows, first, at));
        first = at;
        elements = 0;
      }
      elements += width;
    }
  }
  made.push_back(slice_of(rows, first, at));
  return made;
}

row_exchange::row_exchange(const ops::network& network, const table_split& split,
                           std::size_t frame_elements)
    : network_(network), split_(split), frame_elements_(frame_elements),
      values_(split.tables().size()), d_values_(values_.size()), rows_(values_.size()) {}

void row_exchange::make_room(const ops::touched_rows& touched) {
  parts_.clear();
  for (std::size_t table = 0; table < values_.size(); ++table) {
    const auto& shape = split_.tables()[table];
    const auto rows = network_.rows_touched_max(shape.tensor, touched.inputs.extents());
    values_[table].resize(static_cast<std::size_t>(rows * shape.width));
    d_values_[table].resize(values_[table].size());
    rows_[table] = touched.rows[table].size();
    parts_.push_back({values_[table], d_values_[table]});
  }
}

void row_exchange::take(const row_plan& plan, std::span<const ops::tensor> values) {
  LAGRANGE_EXPECT(values.size() == split_.shards(),
                  std::to_string(values.size()) + " shards answered with rows");
  make_room(plan.touched);
  for (std::uint32_t shard = 0; shard < split_.shards(); ++shard) {
    auto from = values[shard].values<float>();
    LAGRANGE_EXPECT(from.size() == elements_of(plan.wanted[shard], split_.tables()),
                    "shard " + std::to_string(shard) + " answered with " +
                        std::to_string(from.size()) + " values for " +
                        std::to_string(plan.wanted[shard].size()) + " rows");
    for (std::size_t table = 0; table < values_.size(); ++table) {
      const auto width = static_cast<std::size_t>(split_.tables()[table].width);
      const auto part = from.first(plan.wanted[shard].counts[table] * width);
      split_.scatter(plan.touched.rows[table], {shard}, part,
                     std::span(values_[table]).first(rows_[table] * width));
      from = from.subspan(part.size());
    }
  }
}

void row_exchange::take(const ops::touched_rows& touched, const held_rows& from) {
  make_room(touched);
  LAGRANGE_EXPECT(from.rows.size() == values_.size() && from.values.size() == values_.size(),
                  "rows of " + std::to_string(from.rows.size()) + " tables");
  for (std::size_t table = 0; table < values_.size(); ++table) {
    const auto width = static_cast<std::size_t>(split_.tables()[table].width);
    const auto held = from.values[table].values<float>();
    auto at = from.rows[table].begin();
    auto to = values_[table].begin();
    for (const auto row : touched.rows[table]) {
      at = std::lower_bound(at, from.rows[table].end(), row);
      LAGRANGE_EXPECT(at != from.rows[table].end() && *at == row,
                      "row " + std::to_string(row) + " is not held");
      const auto place = static_cast<std::size_t>(at - from.rows[table].begin());
      to = std::ranges::copy(held.subspan(place * width, width), to).out;
    }
  }
}

double row_exchange::sum_of_squares() const {
  double sum = 0;
  for (std::size_t table = 0; table < d_values_.size(); ++table) {
    const auto width = static_cast<std::size_t>(split_.tables()[table].width);
    sum += ops::sum_of_squares(std::span(d_values_[table]).first(rows_[table] * width));
  }
  return sum;
}

void row_exchange::scale_gradient(float by) {
  for (auto& each : d_values_)
    for (auto& value : each) value *= by;
}

ops::tensor row_exchange::room(std::size_t bytes) {
  const auto free = std::ranges::find_if(rooms_, [&](const ops::tensor& old) {
    return !old.is_shared() && old.size_bytes() >= bytes;
  });
  if (free != rooms_.end()) return *free;
  // One that is too small now will always be: batches are alike.
  std::erase_if(
      rooms_, [&](const ops::tensor& old) { return !old.is_shared() && old.size_bytes() < bytes; });
  const auto size = std::bit_ceil(std::max<std::size_t>(bytes, 4096));
  return rooms_.emplace_back(
      memory_ ? memory_(size) : ops::tensor(ops::dtype::u8, {static_cast<std::int64_t>(size)}));
}

std::vector<row_part> row_exchange::frames(const row_plan& plan, shard_id shard) {
  std::vector<row_part> made;
  std::size_t floats = 0;
  const auto cut = cut_rows(plan.wanted[shard.value], split_.tables(), frame_elements_);
  for (const auto& rows : cut) floats += padded(elements_of(rows, split_.tables()));
  const auto memory = room(std::max<std::size_t>(floats, 1) * sizeof(float));
  std::size_t place = 0;
  for (const auto& rows : cut) {
    const auto elements = elements_of(rows, split_.tables());
    made.push_back({rows, memory.view(ops::dtype::f32, {static_cast<std::int64_t>(elements)},
                                      place * sizeof(float))});
    place += padded(elements);
  }
  auto frame = made.begin();
  auto to = frame->gradient.values<float>();
  for (std::size_t table = 0; table < values_.size(); ++table) {
    const auto width = static_cast<std::size_t>(split_.tables()[table].width);
    const auto& rows = plan.touched.rows[table];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (split_.owner(rows[i]) != shard.value) continue;
      if (to.empty()) to = (++frame)->gradient.values<float>();
      std::copy_n(d_values_[table].data() + i * width, width, to.data());
      to = to.subspan(width);
    }
  }
  return made;
}

} // namespace lagrange::runtime
