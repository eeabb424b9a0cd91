#include "ops/touched_rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace lagrange::ops {

namespace {
constexpr unsigned digit_bits = 11;
constexpr std::size_t digits = std::size_t{1} << digit_bits;
} // namespace

void touched_rows::make_room(const shape& extents, std::size_t tables) {
  rows.resize(tables);
  const auto bytes = static_cast<std::size_t>(extents.elements()) * size_bytes(dtype::i32);
  if (inputs.empty() || inputs.is_shared() || inputs.whole().size_bytes() < bytes)
    inputs = tensor(dtype::i32, extents);
  else
    inputs = inputs.view(dtype::i32, extents);
}

/// By row, stable: a radix sort from the lowest digit on, as far up as there are digits.
void row_numbering::sort() {
  std::uint64_t all = 0;
  for (const auto entry : entries_) all |= entry;
  other_.resize(entries_.size());
  for (unsigned shift = 32; shift < 64 && all >> shift != 0; shift += digit_bits) {
    const auto digit = [shift](std::uint64_t entry) { return entry >> shift & (digits - 1); };
    std::array<std::uint32_t, digits> next{};
    for (const auto entry : entries_) ++next[digit(entry)];
    std::uint32_t first = 0;
    for (auto& each : next) first += std::exchange(each, first);
    for (const auto entry : entries_) other_[next[digit(entry)]++] = entry;
    entries_.swap(other_);
  }
}

} // namespace lagrange::ops
