#include "runtime/snapshot.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <utility>
#include <vector>

using namespace lagrange;
using namespace lagrange::runtime;

TEST_CASE("BP-1: as many copies are made as are read at a time, however many versions there are",
          "[runtime][snapshot]") {
  for (const std::size_t readers : {1, 10, 400}) {
    std::size_t made = 0;
    snapshot published([&](std::size_t bytes) {
      ++made;
      return ops::tensor(ops::dtype::u8, {static_cast<std::int64_t>(bytes)});
    });
    std::deque<ops::tensor> read;
    std::vector<float> values(8);
    for (std::uint64_t version = 0; version < 20'000; ++version) {
      values[0] = static_cast<float>(version);
      read.push_back(published.publish(values, {version}));
      if (read.size() > readers) read.pop_front();
      CHECK(std::as_const(read.front()).values<float>()[0] ==
            static_cast<float>(version + 1 - read.size())); // nobody has written into it
    }
    CHECK(made <= 2 * readers + 4);
  }
}
