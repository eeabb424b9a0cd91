#include "runtime/conformance/virtual_time.hpp"
#include "runtime/partition.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

namespace lagrange::tests {

using namespace runtime;

namespace {

std::vector<ops::parameter_spec> specs_of(const std::vector<std::int64_t>& sizes) {
  std::vector<ops::parameter_spec> specs;
  for (const auto size : sizes) specs.push_back({"p", ops::shape{size}, {}});
  return specs;
}

/// The laws of every partition of tensors of these sizes.
void check_laws(const std::vector<std::int64_t>& sizes, std::uint32_t shards) {
  const auto parts = partition::balanced(specs_of(sizes), shards);
  const auto total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  REQUIRE(parts.shards() == shards);
  // Blocks cover the flat vector in order, without gap, and none crosses a tensor.
  std::int64_t flat = 0;
  std::int64_t longest = 0;
  std::vector<std::int64_t> loads(shards, 0);
  for (const auto& block : parts.blocks()) {
    REQUIRE(block.flat == flat);
    REQUIRE(block.elements > 0);
    REQUIRE(block.first + block.elements <= sizes[block.tensor]);
    REQUIRE(block.flat == block.first + std::accumulate(sizes.begin(), sizes.begin() + block.tensor,
                                                        std::int64_t{0}));
    REQUIRE(block.place == loads[block.owner.value]);
    loads[block.owner.value] += block.elements;
    longest = std::max(longest, block.elements);
    flat += block.elements;
  }
  REQUIRE(flat == total);
  for (std::uint32_t shard = 0; shard < shards; ++shard)
    REQUIRE(parts.elements_of({shard}) == loads[shard]);
  const auto [least, most] = std::minmax_element(loads.begin(), loads.end());
  REQUIRE(*least >= 1);
  REQUIRE(*most - *least <= longest);
  // What is gathered from a flat vector and scattered into another makes the same vector.
  std::vector<float> before(static_cast<std::size_t>(total));
  std::iota(before.begin(), before.end(), 1.0F);
  std::vector<float> after(before.size(), -1.0F);
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    std::vector<float> own(static_cast<std::size_t>(loads[shard]), -2.0F);
    parts.gather({shard}, before, own);
    parts.scatter({shard}, own, after);
  }
  REQUIRE(after == before);
}

} // namespace

TEST_CASE("a partition covers every element once and is even within one block",
          "[runtime][partition]") {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    INFO("seed " << seed);
    virtual_time random(seed);
    std::vector<std::int64_t> sizes;
    for (auto tensors = random.draw(1, 12); tensors > 0; --tensors)
      sizes.push_back(static_cast<std::int64_t>(random.chance(30) ? random.draw(1, 300'000)
                                                                  : random.draw(1, 50)));
    const auto total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
    check_laws(sizes, static_cast<std::uint32_t>(random.draw(
                          1, std::min<std::uint64_t>(40, static_cast<std::uint64_t>(total)))));
  }
}

TEST_CASE("there may be more shards than tensors, up to one element each", "[runtime][partition]") {
  check_laws({3}, 3);
  check_laws({5, 1}, 6);
  check_laws({1000}, 7);
}

TEST_CASE("LeNet on two shards is even to a hundredth", "[runtime][partition]") {
  const auto parts =
      partition::balanced(specs_of({150, 6, 2400, 16, 48'000, 120, 10'080, 84, 840, 10}), 2);
  const auto difference = std::abs(parts.elements_of({0}) - parts.elements_of({1}));
  CHECK(difference * 100 <= 61'706);
}

TEST_CASE("a partition of fewer elements than shards is a bug", "[runtime][partition]") {
  CHECK_THROWS_AS(partition::balanced(specs_of({2, 1}), 4), ops::contract_error);
  CHECK_THROWS_AS(partition::balanced(specs_of({2, 1}), 0), ops::contract_error);
  const auto parts = partition::balanced(specs_of({8}), 2);
  std::vector<float> flat(8);
  std::vector<float> wrong(5);
  CHECK_THROWS_AS(parts.gather({0}, flat, wrong), ops::contract_error);
  CHECK_THROWS_AS(parts.scatter({0}, wrong, flat), ops::contract_error);
}

TEST_CASE("where tensors are dealt whole, none is split and loads are as even as they allow",
          "[runtime][partition]") {
  const std::vector<std::int64_t> sizes{150, 6, 2400, 16, 48'000, 120, 10'080, 84, 840, 10};
  for (std::uint32_t shards = 1; shards <= sizes.size(); ++shards) {
    const auto parts = partition::balanced(specs_of(sizes), shards, partition_grain::tensor);
    REQUIRE(parts.blocks().size() == sizes.size());
    for (std::uint32_t tensor = 0; tensor < sizes.size(); ++tensor) {
      CHECK(parts.blocks()[tensor].tensor == tensor);
      CHECK(parts.blocks()[tensor].elements == sizes[tensor]);
    }
    for (std::uint32_t shard = 0; shard < shards; ++shard) CHECK(parts.elements_of({shard}) > 0);
  }
  CHECK_THROWS_AS(partition::balanced(specs_of({8}), 2, partition_grain::tensor),
                  ops::contract_error);
}

} // namespace lagrange::tests
