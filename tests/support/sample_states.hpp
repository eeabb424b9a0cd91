/// \file
/// A shard's state with every field set to something of its own, for the tests of bytes and disks.
#pragma once

#include "runtime/checkpoint_part.hpp"
#include "tests/support/wire_samples.hpp"

namespace lagrange::tests {

inline ops::tensor sample_i32(std::vector<std::int32_t> values) {
  ops::tensor out(ops::dtype::i32, {std::ssize(values)});
  std::ranges::copy(values, out.values<std::int32_t>().begin());
  return out;
}

/// Of 5 parameters under adam, with a table of 3 rows of 2 under adagrad.
inline runtime::shard_state sample_state(std::uint32_t shard = 1, std::uint32_t cut = 3) {
  runtime::shard_state x;
  x.shard = {shard};
  x.shards = 4;
  x.cut = {cut};
  x.version = {1000 + cut};
  x.records = 70 + cut;
  x.samples_applied = 32'000;
  x.values = sample_f32(5);
  x.values.values<float>()[0] = static_cast<float>(100 * cut + shard);
  x.optimizer = {
      {"first_moment", sample_f32(5)}, {"second_moment", sample_f32(5)}, {"steps", sample_f32(1)}};
  x.compensation = sample_f32(5);
  x.tables.push_back({{2, 3, 2}, {}, sample_f32(6), {{"squares", sample_f32(6)}}});
  x.taken = runtime::lease_set::of(
                {9}, std::vector<std::pair<runtime::lease_id, runtime::lease_id>>{{{11}, {13}},
                                                                                  {{20}, {21}}})
                .value();
  x.entered.insert({0}, 8);
  x.clock = {5};
  x.round = 6;
  x.rulings = {{{4}, "ssp:8"}};
  x.last_taken[{2}] = {runtime::lease_attempt_id{{12}, {65'537}},
                       runtime::lease_attempt_id{{8}, {1}}};
  x.counts.applied = 31;
  x.counts.entered = 32;
  x.counts.dropped = 33;
  x.counts.duplicates = 34;
  x.counts.lag_max = 35;
  x.counts.staleness = {36, 37};
  x.counts.staleness_recent = {38};
  x.counts.lag_recent = {39, 40, 41};
  return x;
}

/// The same with rows 0 and 2 of the table alone; the other one is that of cut 2.
inline runtime::shard_state sample_increment(std::uint32_t shard = 1, std::uint32_t cut = 3,
                                             std::uint32_t base = 2) {
  auto x = sample_state(shard, cut);
  x.base = {base};
  x.tables[0].rows = sample_i32({0, 2});
  x.tables[0].values = sample_f32(4);
  x.tables[0].optimizer[0].values = sample_f32(4);
  return x;
}

inline runtime::residual_state sample_residual(std::uint32_t worker = 2, std::uint32_t cut = 3) {
  runtime::residual_state x{{worker}, {cut}, ops::tensor(ops::dtype::u8, {100})};
  std::uint8_t next = static_cast<std::uint8_t>(cut);
  for (auto& byte : x.memory.values<std::uint8_t>()) byte = next += 7;
  return x;
}

template <class State>
std::vector<std::byte> bytes_of(const State& x) {
  std::vector<std::byte> made;
  const runtime::byte_sink sink = [&](std::span<const std::byte> bytes) -> runtime::result<void> {
    made.insert(made.end(), bytes.begin(), bytes.end());
    return runtime::success();
  };
  runtime::write_part(x, sink).value();
  return made;
}

} // namespace lagrange::tests
