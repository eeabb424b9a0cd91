#include "ops/network.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

using namespace lagrange;
using namespace lagrange::ops;

TEST_CASE("a shape is its extents, and a scalar has one element", "[ops][tensor]") {
  const shape images{64, 28, 28, 1};
  CHECK(images.rank() == 4);
  CHECK(images.elements() == 64 * 784);
  CHECK(to_string(images) == "[64, 28, 28, 1]");
  CHECK(images == shape(std::vector<std::int64_t>{64, 28, 28, 1}));
  CHECK(images != shape{64, 28, 28});
  CHECK(shape{}.elements() == 1);
  CHECK(shape{3, 0, 2}.elements() == 0);
  CHECK_THROWS_AS((shape{1, -1}), contract_error);
  CHECK_THROWS_AS((shape{1, 1, 1, 1, 1, 1, 1}), contract_error);
}

TEST_CASE("the numbers of dtypes are those of the wire", "[ops][tensor]") {
  const std::vector<std::pair<dtype, std::pair<int, std::size_t>>> wire{{dtype::f32, {0, 4}},
                                                                        {dtype::f16, {1, 2}},
                                                                        {dtype::bf16, {2, 2}},
                                                                        {dtype::i32, {3, 4}},
                                                                        {dtype::u8, {4, 1}}};
  for (const auto& [type, expected] : wire) {
    CHECK(static_cast<int>(type) == expected.first);
    CHECK(size_bytes(type) == expected.second);
    CHECK_FALSE(name(type) == "unknown");
  }
  CHECK_THROWS_AS(size_bytes(static_cast<dtype>(9)), contract_error);
}

TEST_CASE("a copy of a tensor shares its elements", "[ops][tensor]") {
  tensor one(dtype::f32, {2, 3});
  CHECK(one.size_bytes() == 24);
  CHECK(reinterpret_cast<std::uintptr_t>(one.bytes()) % 64 == 0);
  tensor two = one;
  one.values<float>()[4] = 7;
  CHECK(std::as_const(two).values<float>()[4] == 7);
}

TEST_CASE("a tensor read as what it is not is a bug and told as one", "[ops][tensor]") {
  tensor bytes(dtype::u8, {4});
  CHECK_THROWS_AS(bytes.values<float>(), contract_error);
  CHECK_THROWS_AS(tensor().values<float>(), contract_error);
  CHECK_THROWS_AS(tensor(dtype::f32, {1}, {device::kind_type::cuda, 0}), contract_error);
}

TEST_CASE("memory that is not to be had is the machine's failure", "[ops][tensor]") {
  CHECK_THROWS_AS(tensor(dtype::f32, {std::int64_t{1} << 60}), device_error);
}

TEST_CASE("any part of a parameter starts with the values of the whole", "[ops][initialise]") {
  const parameter_spec spec{"w", {50, 20}, {initialiser::kind_type::uniform, 0.5F}};
  std::vector<float> whole(1000);
  initialise(spec, 7, 3, 0, whole);
  for (std::size_t first : {0, 1, 499, 999})
    for (std::size_t count : {0, 1, 500}) {
      std::vector<float> part(std::min(count, 1000 - first));
      initialise(spec, 7, 3, static_cast<std::int64_t>(first), part);
      CHECK(
          std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)));
    }
  CHECK_THROWS_AS(initialise(spec, 7, 3, 1, whole), contract_error);
  CHECK_THROWS_AS(initialise(spec, 7, 3, -1, whole), contract_error);
}

TEST_CASE("parameters start evenly spread and differ by seed and position", "[ops][initialise]") {
  const parameter_spec spec{"w", {200, 500}, {initialiser::kind_type::uniform, 0.5F}};
  std::vector<float> one(100'000), two(one.size()), three(one.size());
  initialise(spec, 7, 3, 0, one);
  initialise(spec, 8, 3, 0, two);
  initialise(spec, 7, 4, 0, three);
  const auto mean = [](const std::vector<float>& a, const std::vector<float>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0) / 1e5;
  };
  CHECK(mean(one, std::vector<float>(one.size(), 1)) == Approx(0).margin(0.005));
  CHECK(mean(one, one) == Approx(0.25 / 3).margin(0.001)); // the variance of +-0.5
  CHECK(mean(one, two) == Approx(0).margin(0.002));
  CHECK(mean(one, three) == Approx(0).margin(0.002));
  CHECK(*std::ranges::min_element(one) >= -0.5F);
  CHECK(*std::ranges::min_element(one) < -0.4999F);
  CHECK(*std::ranges::max_element(one) < 0.5F);
  CHECK(*std::ranges::max_element(one) > 0.4999F);
}

TEST_CASE("the first values of a parameter are the same in every release", "[ops][initialise]") {
  std::vector<float> found(2);
  initialise({"w", {2}, {initialiser::kind_type::uniform, 1}}, 1, 0, 0, found);
  CHECK(found == std::vector<float>{-0x1.137a1p-3F, -0x1.309c6p-3F});
  initialise({"w", {2}, {initialiser::kind_type::ones, 0}}, 1, 0, 0, found);
  CHECK(found == std::vector<float>{1, 1});
}
