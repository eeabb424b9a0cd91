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

} // namespace lagrange::tests
