#include "runtime/permutation.hpp"

#include "ops/contract.hpp"

#include <algorithm>
#include <bit>

namespace lagrange::runtime {

namespace {
constexpr unsigned rounds = 6;
} // namespace

std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

permutation::permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t stream)
    : size_(size), key_(mix(mix(seed) ^ stream)) {
  LAGRANGE_EXPECT(size >= 1 && size < (std::uint64_t{1} << 62U), std::to_string(size) + " samples");
  half_bits_ = std::max(1U, static_cast<unsigned>(std::bit_width(size - 1) + 1) / 2);
}

std::uint64_t permutation::operator()(std::uint64_t position) const {
  LAGRANGE_EXPECT(position < size_, "position " + std::to_string(position));
  const auto mask = (std::uint64_t{1} << half_bits_) - 1;
  do {
    auto left = position >> half_bits_;
    auto right = position & mask;
    for (unsigned round = 0; round < rounds; ++round) {
      const auto next = left ^ (mix(key_ ^ (right << 8U) ^ round) & mask);
      left = right;
      right = next;
    }
    position = (left << half_bits_) | right;
  } while (position >= size_); // at most four times the domain: three more rounds on average
  return position;
}

} // namespace lagrange::runtime
