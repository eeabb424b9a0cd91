#include "runtime/table_split.hpp"

#include <algorithm>

namespace lagrange::runtime {

table_split::table_split(std::span<const ops::parameter_spec> specs, std::uint32_t shards)
    : shards_(shards) {
  LAGRANGE_EXPECT(shards >= 1, "tables without a shard");
  for (std::uint32_t tensor = 0; tensor < specs.size(); ++tensor)
    if (const auto& spec = specs[tensor]; spec.is_table())
      tables_.push_back({tensor, spec.rows(), spec.width()});
}

std::int64_t table_split::elements_of(shard_id owner) const {
  std::int64_t sum = 0;
  for (const auto& table : tables_) sum += rows_of(table, owner) * table.width;
  return sum;
}

void table_split::select(std::span<const std::vector<std::int32_t>> rows, shard_id by,
                         table_rows& out) const {
  out.counts.clear();
  std::int64_t count = 0;
  for (const auto& each : rows) {
    const auto own = std::ranges::count_if(each, [&](auto row) { return owner(row) == by.value; });
    out.counts.push_back(static_cast<std::uint32_t>(own));
    count += own;
  }
  const auto bytes = static_cast<std::size_t>(count) * sizeof(std::int32_t);
  if (out.rows.empty() || out.rows.is_shared() || out.rows.whole().size_bytes() < bytes)
    out.rows = ops::tensor(ops::dtype::i32, {count + count / 4}); // the next may be longer
  out.rows = out.rows.view(ops::dtype::i32, {count});
  auto to = out.rows.values<std::int32_t>().begin();
  for (const auto& each : rows)
    for (const auto row : each)
      if (owner(row) == by.value) *to++ = local(row);
}

void table_split::scatter(std::span<const std::int32_t> rows, shard_id by,
                          std::span<const float> shard, std::span<float> all) const {
  if (rows.empty()) return;
  const auto width = all.size() / rows.size();
  const float* from = shard.data();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (owner(rows[i]) != by.value) continue;
    std::copy_n(from, width, all.data() + i * width);
    from += width;
  }
}

void table_split::gather(std::span<const std::int32_t> rows, shard_id by,
                         std::span<const float> all, std::span<float> shard) const {
  if (rows.empty()) return;
  const auto width = all.size() / rows.size();
  float* to = shard.data();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (owner(rows[i]) != by.value) continue;
    std::copy_n(all.data() + i * width, width, to);
    to += width;
  }
}

std::uint64_t row_bytes_max(const ops::network& network, const ops::model_input& input,
                            std::uint32_t batch) {
  std::vector<std::int64_t> extents{batch};
  const auto sample = input.extents.extents();
  extents.insert(extents.end(), sample.begin(), sample.end());
  const ops::shape inputs{std::span<const std::int64_t>(extents)};
  std::int64_t sum = 0;
  const auto specs = network.parameters();
  for (std::size_t at = 0; at < specs.size(); ++at)
    if (specs[at].is_table()) sum += network.rows_touched_max(at, inputs) * (specs[at].width() + 1);
  return static_cast<std::uint64_t>(sum) * sizeof(float);
}

} // namespace lagrange::runtime
