#include "runtime/shard_increment.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

namespace {

/// `older` with the rows in `newer` in their places.
ops::tensor merged(std::span<const std::int32_t> rows, std::size_t width, const ops::tensor& newer,
                   const ops::tensor& older) {
  ops::tensor made(ops::dtype::f32, older.extents());
  const auto to = made.values<float>();
  std::ranges::copy(older.values<float>(), to.begin());
  const auto from = newer.values<float>();
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::ranges::copy(from.subspan(i * width, width),
                      to.subspan(static_cast<std::size_t>(rows[i]) * width).begin());
  return made;
}

bool is_alike(const shard_state::table& x, const shard_state::table& base) {
  const auto same_name = [](const auto& one, const auto& other) { return one.name == other.name; };
  return x.shape == base.shape && base.rows.empty() &&
         std::ranges::equal(x.optimizer, base.optimizer, same_name);
}

void complete(shard_state::table& x, const shard_state::table& base) {
  const auto width = static_cast<std::size_t>(x.shape.width);
  const auto rows = x.rows.values<std::int32_t>();
  x.values = merged(rows, width, x.values, base.values);
  for (std::size_t i = 0; i < x.optimizer.size(); ++i)
    if (auto& own = x.optimizer[i].values;
        base.optimizer[i].values.elements() == base.values.elements())
      own = merged(rows, width, own, base.optimizer[i].values);
  x.rows = {};
}

} // namespace

error complete(shard_state& x, const shard_state& base) {
  if (base.cut != x.base || base.base.value != 0 || base.shard != x.shard ||
      base.tables.size() != x.tables.size() || !std::ranges::equal(x.tables, base.tables, is_alike))
    return {errc::bad_file, fmt::format("builds on cut {}, but what is there does not fit it; take "
                                        "an older checkpoint",
                                        x.base.value)};
  for (std::size_t i = 0; i < x.tables.size(); ++i)
    if (!x.tables[i].rows.empty()) complete(x.tables[i], base.tables[i]);
  x.base = {};
  return {};
}

} // namespace lagrange::runtime
