/// \file
/// States of shards, compared bit for bit.
#pragma once

#include "runtime/shard_state.hpp"

#include <catch2/catch.hpp>

#include <cstring>

namespace lagrange::tests {

inline bool is_same_bits(const ops::tensor& x, const ops::tensor& y) {
  const auto bytes = x.empty() ? 0 : x.size_bytes();
  return bytes == (y.empty() ? 0 : y.size_bytes()) &&
         (bytes == 0 || std::memcmp(x.bytes(), y.bytes(), bytes) == 0);
}

inline void check_same(const std::vector<runtime::shard_state::named_values>& x,
                       const std::vector<runtime::shard_state::named_values>& y) {
  REQUIRE(x.size() == y.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(x[i].name == y[i].name);
    CHECK(is_same_bits(x[i].values, y[i].values));
  }
}

inline void check_same(const runtime::shard_report& x, const runtime::shard_report& y) {
  CHECK(x.applied == y.applied);
  CHECK(x.entered == y.entered);
  CHECK(x.dropped == y.dropped);
  CHECK(x.duplicates == y.duplicates);
  CHECK(x.lag_max == y.lag_max);
  CHECK(x.staleness == y.staleness);
  CHECK(x.staleness_recent == y.staleness_recent);
  CHECK(x.lag_recent == y.lag_recent);
}

inline void check_same(const runtime::shard_state& x, const runtime::shard_state& y) {
  CHECK(x.shard == y.shard);
  CHECK(x.shards == y.shards);
  CHECK(x.cut == y.cut);
  CHECK(x.version == y.version);
  CHECK(x.records == y.records);
  CHECK(x.samples_applied == y.samples_applied);
  CHECK(is_same_bits(x.values, y.values));
  check_same(x.optimizer, y.optimizer);
  CHECK(is_same_bits(x.compensation, y.compensation));
  REQUIRE(x.tables.size() == y.tables.size());
  for (std::size_t i = 0; i < x.tables.size(); ++i) {
    CHECK(x.tables[i].shape == y.tables[i].shape);
    CHECK(is_same_bits(x.tables[i].values, y.tables[i].values));
    check_same(x.tables[i].optimizer, y.tables[i].optimizer);
  }
  CHECK(x.taken == y.taken);
  CHECK(x.entered == y.entered);
  CHECK(x.clock == y.clock);
  CHECK(x.round == y.round);
  CHECK(x.rulings == y.rulings);
  CHECK(x.last_taken == y.last_taken);
  check_same(x.counts, y.counts);
}

} // namespace lagrange::tests
