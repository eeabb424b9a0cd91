/// \file
/// One message of each kind with every field set to something of its own, for the tests of bytes.
#pragma once

#include "runtime/wire.hpp"

#include <algorithm>
#include <cstring>

namespace lagrange::tests {

inline runtime::stamp sample_stamp() {
  return {.job = {0x1122334455667788},
          .term = {3},
          .view = {4},
          .name = {runtime::actor_role::worker, 5},
          .life = {6}};
}

inline runtime::lease sample_lease() {
  return {.id = {77},
          .attempt = {2},
          .epoch = 1,
          .round = 19,
          .round_size = 4,
          .batches = 3,
          .cut = {8}};
}

inline ops::tensor sample_f32(std::int64_t elements) {
  ops::tensor out(ops::dtype::f32, {elements});
  float next = -1.5f;
  for (auto& x : out.values<float>()) x = next += 0.25f;
  return out;
}

inline runtime::batch sample_batch() {
  runtime::batch out{.inputs = ops::tensor(ops::dtype::u8, {2, 3, 3, 1}),
                     .labels = ops::tensor(ops::dtype::i32, {2}),
                     .scale = 0.5f,
                     .shift = -1.0f};
  std::uint8_t next = 250;
  for (auto& x : out.inputs.values<std::uint8_t>()) x = next++;
  out.labels.values<std::int32_t>()[0] = 9;
  out.labels.values<std::int32_t>()[1] = 4;
  return out;
}

inline runtime::lease_grant sample_grant(runtime::grant_kind kind) {
  const bool granted = kind == runtime::grant_kind::batch;
  return {.from = sample_stamp(),
          .sequence = 12,
          .kind = kind,
          .what = sample_lease(),
          .clock = {13},
          .samples = granted ? sample_batch() : runtime::batch{}};
}

inline runtime::lease_request sample_lease_request() {
  return {.from = sample_stamp(),
          .sequence = 14,
          .clock = {15},
          .state = runtime::standing::working,
          .batch_time = std::chrono::nanoseconds(16)};
}

inline runtime::push_ack sample_ack() {
  return {.from = sample_stamp(),
          .what = {51},
          .attempt = {2},
          .clock = {52},
          .outcome = runtime::push_outcome::duplicate,
          .version = {53},
          .cut = {54}};
}

inline runtime::pull_request sample_request() {
  return {.from = sample_stamp(), .clock = {21}, .held_life = {2}, .held = {22}, .rows = {}};
}

/// Rows 1 and 5 of a table, none of the next, and row 3 of a third.
inline runtime::table_rows sample_rows() {
  runtime::table_rows out{.counts = {2, 0, 1}, .rows = ops::tensor(ops::dtype::i32, {3})};
  const auto rows = out.rows.values<std::int32_t>();
  rows[0] = 1, rows[1] = 5, rows[2] = 3;
  return out;
}

inline runtime::pull_request sample_row_request() {
  auto out = sample_request();
  out.rows = sample_rows();
  return out;
}

inline runtime::pull_reply sample_reply(std::int64_t elements) {
  return {.from = sample_stamp(),
          .clock = {31},
          .version = {32},
          .changed = true,
          .parameters = sample_f32(elements),
          .how = {},
          .blocks = {},
          .taken = {{{{33}, {2}}, {{31}, {1}}}},
          .samples = 34,
          .rows = {},
          .cut = {35}};
}

/// Nothing has changed but these rows.
inline runtime::pull_reply sample_row_reply() {
  auto out = sample_reply(0);
  out.changed = false;
  out.parameters = {};
  out.rows = sample_f32(3);
  return out;
}

/// Values that are written by a codec: any bytes will do.
inline ops::tensor sample_coded(std::int64_t bytes) {
  ops::tensor out(ops::dtype::u8, {bytes});
  std::uint8_t next = 7;
  for (auto& x : out.values<std::uint8_t>()) x = next = static_cast<std::uint8_t>(next * 5 + 1);
  return out;
}

/// Blocks 2 and 5 of a shard, the last of 300 elements.
inline runtime::pull_reply sample_blocks() {
  auto out = sample_reply(runtime::pull_reply::block_elements + 300);
  out.blocks = ops::tensor(ops::dtype::i32, {2});
  out.blocks.values<std::int32_t>()[0] = 2;
  out.blocks.values<std::int32_t>()[1] = 5;
  return out;
}

inline runtime::gradient_push sample_push(runtime::push_verdict verdict) {
  const bool applied = verdict == runtime::push_verdict::apply;
  return {.from = sample_stamp(),
          .clock = {41},
          .what = sample_lease(),
          .read = {42},
          .frame = 2,
          .frames = 3,
          .first = 1000,
          .gradient = applied ? sample_f32(5) : ops::tensor{},
          .how = {},
          .verdict = verdict,
          .samples = 64,
          .clip_scale = 0.75f,
          .rows = {},
          .row_gradient = {},
          .cut = {65}};
}

inline runtime::gradient_push sample_row_push() {
  auto out = sample_push(runtime::push_verdict::apply);
  out.gradient = {};
  out.rows = sample_rows();
  out.row_gradient = sample_f32(5);
  return out;
}

inline runtime::gradient_push sample_coded_push() {
  auto out = sample_push(runtime::push_verdict::apply);
  out.gradient = sample_coded(11);
  out.how = {"topk:0.01 | int8", 500};
  return out;
}

/// Same type, extents and bits; or both empty.
inline bool is_same(const ops::tensor& a, const ops::tensor& b) {
  if (a.empty() || b.empty()) return a.empty() && b.empty();
  return a.type() == b.type() && a.extents() == b.extents() &&
         std::memcmp(a.bytes(), b.bytes(), a.size_bytes()) == 0;
}

inline runtime::membership_view sample_view() {
  return {sample_stamp(), {{{1}, {2}, true, false}, {{3}, {4}, false, true}}};
}
inline runtime::round_closing sample_closing() {
  return {sample_stamp(), 9, {{1}, {std::uint64_t{1} << 40}}, {{5}}};
}
inline runtime::switch_order sample_switch() {
  return {sample_stamp(), 2, runtime::switch_phase::commit, "ssp:8", {61}};
}

/// What a shard tells its replica of this.
template <class What>
runtime::shard_input sample_input(What what) {
  return {sample_stamp(), 71, runtime::time_point(std::chrono::nanoseconds(72)), 73,
          std::move(what)};
}

/// What fills a replica.
inline runtime::filling_piece sample_piece() {
  ops::tensor letters(ops::dtype::u8, {3});
  for (int i = 0; i < 3; ++i) letters.bytes()[i] = static_cast<std::byte>(0x61 + i);
  return {sample_stamp(), 71, 73, 2, 4096, true, letters};
}

} // namespace lagrange::tests
