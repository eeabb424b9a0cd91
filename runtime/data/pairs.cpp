#include "runtime/data/pairs.hpp"

#include <algorithm>

namespace lagrange::runtime {

ops::model_input pairs_input(std::int64_t first_rows, std::int64_t second_rows,
                             std::int64_t others) {
  constexpr std::int64_t labels = 2; // 1 for pairs that belong together, 0 for those that do not
  return {{2 + others}, labels, ops::sample_kind::pairs, {first_rows, second_rows}};
}

batch make_pairs(std::size_t samples, std::int64_t others) {
  const auto rows = static_cast<std::int64_t>(samples);
  batch out{.inputs = ops::tensor(ops::dtype::i32, {rows, 2 + others}),
            .labels = ops::tensor(ops::dtype::i32, {rows})};
  std::ranges::fill(out.labels.values<std::int32_t>(), 1);
  return out;
}

} // namespace lagrange::runtime
