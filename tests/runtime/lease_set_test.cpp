#include "runtime/conformance/virtual_time.hpp"
#include "runtime/lease_set.hpp"

#include <catch2/catch.hpp>

#include <set>

namespace lagrange::tests {

using namespace runtime;

TEST_CASE("SH-2: the set of leases agrees with a plain set, whatever the order",
          "[runtime][lease_set]") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    virtual_time random(seed);
    lease_set leases;
    std::set<lease_id> model;
    const auto disorder = random.draw(0, 40);
    for (std::uint64_t next = 0; next < 300; ++next) {
      const lease_id id{next / 2 + random.draw(0, disorder)};
      REQUIRE(leases.contains(id) == model.contains(id));
      REQUIRE(leases.insert(id) == model.insert(id).second);
      REQUIRE(leases.contains(id));
      REQUIRE(leases.size() == model.size());
    }
    lease_id lowest;
    while (model.contains(lowest)) lowest = lowest.next();
    REQUIRE(leases.watermark() == lowest);
  }
}

TEST_CASE("SH-2: a range of leases is in as a whole, or not if it begins in another",
          "[runtime][lease_set][dynamic]") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    virtual_time random(seed);
    lease_set leases;
    std::set<lease_id> model;
    const auto disorder = random.draw(0, 60);
    for (std::uint64_t next = 0; next < 200; ++next) {
      const lease_id first{next * 2 + random.draw(0, disorder)};
      const auto count = static_cast<std::uint32_t>(random.draw(1, 9));
      const bool is_new = !model.contains(first);
      REQUIRE(leases.insert(first, count) == is_new);
      for (std::uint64_t id = first.value; is_new && id < first.value + count; ++id)
        model.insert({id});
      REQUIRE(leases.size() == model.size());
      for (std::uint64_t id = first.value; id < first.value + 12; ++id)
        REQUIRE(leases.contains({id}) == model.contains({id}));
      lease_id lowest;
      while (model.contains(lowest)) lowest = lowest.next();
      REQUIRE(leases.watermark() == lowest);
    }
  }
}

} // namespace lagrange::tests
