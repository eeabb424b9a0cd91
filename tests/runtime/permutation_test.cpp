#include "ops/contract.hpp"
#include "runtime/permutation.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace lagrange::tests {

using namespace runtime;

namespace {

bool is_bijection(std::uint64_t size, std::uint64_t seed, std::uint64_t stream) {
  const permutation order(size, seed, stream);
  std::vector<bool> seen(size, false);
  for (std::uint64_t position = 0; position < size; ++position) {
    const auto image = order(position);
    if (image >= size || seen[image]) return false;
    seen[image] = true;
  }
  return true;
}

} // namespace

TEST_CASE("LE-1: the seeded order has every sample once", "[runtime][permutation]") {
  for (std::uint64_t size = 1; size <= 200; ++size)
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      INFO("size " << size << ", seed " << seed);
      REQUIRE(is_bijection(size, seed, seed * 7));
    }
  for (const std::uint64_t size : {4'095, 4'096, 4'097, 60'000, 65'536, 65'537, 1'000'003}) {
    INFO("size " << size);
    REQUIRE(is_bijection(size, 1, 0));
  }
}

TEST_CASE("an order stays inside a domain too large to list", "[runtime][permutation]") {
  constexpr auto size = (std::uint64_t{1} << 62U) - 1;
  const permutation order(size, 3, 0);
  for (std::uint64_t position = 0; position < 1000; ++position) {
    CHECK(order(position) < size);
    CHECK(order(size - 1 - position) < size);
  }
  CHECK_THROWS_AS(permutation(size + 1, 3, 0), ops::contract_error);
  CHECK_THROWS_AS(permutation(0, 3, 0), ops::contract_error);
  CHECK_THROWS_AS(permutation(5, 3, 0)(5), ops::contract_error);
}

TEST_CASE("RE-1: the order is a function of seed and epoch, and another for each",
          "[runtime][permutation]") {
  constexpr std::uint64_t size = 1000;
  const auto same = [](const permutation& a, const permutation& b) {
    int alike = 0;
    for (std::uint64_t position = 0; position < size; ++position)
      alike += a(position) == b(position) ? 1 : 0;
    return alike;
  };
  const permutation order(size, 1, 0);
  CHECK(same(order, permutation(size, 1, 0)) == size);
  // Of two random orders about one position in `size` agrees.
  CHECK(same(order, permutation(size, 1, 1)) < 10);
  CHECK(same(order, permutation(size, 2, 0)) < 10);
  CHECK(same(permutation(size, 0, 1), permutation(size, 1, 0)) < 10);
}

TEST_CASE("neighbours do not stay neighbours", "[runtime][permutation]") {
  constexpr std::uint64_t size = 10'000;
  const permutation order(size, 5, 2);
  int together = 0;
  double mean = 0;
  for (std::uint64_t position = 0; position + 1 < size; ++position) {
    const auto here = static_cast<double>(order(position));
    if (std::abs(here - static_cast<double>(order(position + 1))) <= 10) ++together;
    if (position < size / 10) mean += here / (size / 10.0);
  }
  CHECK(together < 60);                          // expected 20
  CHECK(mean == Approx(size / 2.0).margin(500)); // the first tenth is a fair sample of all
}

} // namespace lagrange::tests
