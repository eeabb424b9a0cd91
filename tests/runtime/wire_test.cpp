// A message goes through bytes and comes back the same; what may not travel is refused.
#include "runtime/wire.hpp"
#include "runtime/wire_checksum.hpp"
#include "tests/support/frame_bytes.hpp"
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;

TEST_CASE("a lease grant comes back as it was sent", "[runtime][wire]") {
  for (auto kind : {grant_kind::batch, grant_kind::tick, grant_kind::idle, grant_kind::finished,
                    grant_kind::discard}) {
    const auto sent = sample_grant(kind);
    const auto got = decode<lease_grant>(received(encode(sent))).value();
    CHECK(got.from == sent.from);
    CHECK(got.sequence == sent.sequence);
    CHECK(got.kind == sent.kind);
    CHECK(got.what == sent.what);
    CHECK(got.clock == sent.clock);
    CHECK(is_same(got.samples.inputs, sent.samples.inputs));
    CHECK(is_same(got.samples.labels, sent.samples.labels));
    CHECK(got.samples.scale == sent.samples.scale);
    CHECK(got.samples.shift == sent.samples.shift);
  }
}

TEST_CASE("a grant of tokens comes back as it was sent", "[runtime][wire]") {
  auto sent = sample_grant(grant_kind::batch);
  sent.samples = {ops::tensor(ops::dtype::i32, {2, 5}), ops::tensor(ops::dtype::i32, {2, 5}), 1, 0};
  for (auto* each : {&sent.samples.inputs, &sent.samples.labels})
    for (std::int32_t next = -3; auto& x : each->values<std::int32_t>()) x = next += 0x7654321;
  const auto got = decode<lease_grant>(received(encode(sent))).value();
  CHECK(is_same(got.samples.inputs, sent.samples.inputs));
  CHECK(is_same(got.samples.labels, sent.samples.labels));
}

TEST_CASE("a pull request comes back as it was sent", "[runtime][wire]") {
  const auto sent = sample_request();
  const auto got = decode<pull_request>(encode(sent)).value();
  CHECK(got.from == sent.from);
  CHECK(got.clock == sent.clock);
  CHECK(got.held_life == sent.held_life);
  CHECK(got.held == sent.held);
}

TEST_CASE("a pull reply comes back as it was sent, of any length", "[runtime][wire]") {
  for (std::int64_t elements : {0, 1, 2, 3, 1000, 4097}) {
    const auto sent = sample_reply(elements);
    const auto got = decode<pull_reply>(received(encode(sent))).value();
    CHECK(got.from == sent.from);
    CHECK(got.clock == sent.clock);
    CHECK(got.version == sent.version);
    CHECK(got.cut == sent.cut);
    CHECK(got.changed);
    CHECK(is_same(got.parameters, sent.parameters));
  }
  auto current = sample_reply(3);
  current.changed = false;
  current.parameters = {};
  const auto got = decode<pull_reply>(encode(current)).value();
  CHECK_FALSE(got.changed);
  CHECK(got.parameters.empty());
}

TEST_CASE("a gradient push comes back as it was sent", "[runtime][wire]") {
  for (auto verdict : {push_verdict::apply, push_verdict::skip, push_verdict::tick,
                       push_verdict::leave, push_verdict::discard}) {
    const auto sent = sample_push(verdict);
    const auto got = decode<gradient_push>(received(encode(sent))).value();
    CHECK(got.from == sent.from);
    CHECK(got.clock == sent.clock);
    CHECK(got.what == sent.what);
    CHECK(got.read == sent.read);
    CHECK(got.frame == sent.frame);
    CHECK(got.frames == sent.frames);
    CHECK(got.first == sent.first);
    CHECK(is_same(got.gradient, sent.gradient));
    CHECK(got.verdict == sent.verdict);
    CHECK(got.samples == sent.samples);
    CHECK(got.cut == sent.cut);
    CHECK(got.clip_scale == sent.clip_scale);
  }
}

TEST_CASE("small messages come back as they were sent", "[runtime][wire]") {
  const auto asked = decode<lease_request>(encode(sample_lease_request())).value();
  CHECK(asked.from == sample_stamp());
  CHECK(asked.sequence == 14);
  CHECK(asked.clock == worker_clock{15});
  CHECK(asked.state == standing::working);
  CHECK(asked.batch_time == std::chrono::nanoseconds(16));
  const auto ack = decode<push_ack>(encode(sample_ack())).value();
  CHECK(ack.from == sample_stamp());
  CHECK(ack.what == lease_id{51});
  CHECK(ack.attempt == lease_attempt{2});
  CHECK(ack.clock == worker_clock{52});
  CHECK(ack.outcome == push_outcome::duplicate);
  CHECK(ack.version == shard_version{53});
  CHECK(ack.cut == cut_number{54});
  const auto snapshot =
      decode<snapshot_request>(encode(snapshot_request{sample_stamp(), 5, {}})).value();
  CHECK(snapshot.from == sample_stamp());
  CHECK(snapshot.sequence == 5);
  const auto no = decode<rejection>(encode(rejection{{errc::fenced, "no"}})).value();
  CHECK(no.why == error{errc::fenced, "no"});
}

TEST_CASE("coded values and changed blocks come back as they were sent", "[runtime][wire]") {
  const auto push = sample_coded_push();
  const auto got = decode<gradient_push>(received(encode(push))).value();
  CHECK(got.how == push.how);
  CHECK(is_same(got.gradient, push.gradient));
  const auto reply = sample_blocks();
  const auto blocks = decode<pull_reply>(received(encode(reply))).value();
  CHECK(is_same(blocks.blocks, reply.blocks));
  CHECK(is_same(blocks.parameters, reply.parameters));
  CHECK(blocks.taken == reply.taken);
  CHECK(blocks.samples == reply.samples);
}

TEST_CASE("no element is copied, by the sender or by the receiver", "[runtime][wire]") {
  const auto sent = sample_reply(4097);
  const auto frame = encode(sent);
  REQUIRE(frame.payloads.size() == 1);
  CHECK(frame.payloads[0].bytes() == sent.parameters.bytes());
  CHECK(decode<pull_reply>(frame).value().parameters.bytes() == sent.parameters.bytes());
}

TEST_CASE("a message that no receiver would take is a bug of its sender", "[runtime][wire]") {
  auto push = sample_push(push_verdict::apply);
  push.frame = push.frames;
  CHECK_THROWS_AS(encode(push), ops::contract_error);
  push = sample_push(push_verdict::apply);
  push.clip_scale = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(encode(push),
                    Catch::Contains("clip_scale is nan, expected a number from 0 to 1"));
  auto grant = sample_grant(grant_kind::batch);
  grant.samples.labels = ops::tensor(ops::dtype::i32, {7});
  CHECK_THROWS_WITH(encode(grant), Catch::Contains("samples.inputs is u8 [2, 3, 3, 1]"));
}

TEST_CASE("the checksum is CRC-32C by both ways, in one piece or in two", "[runtime][wire]") {
  const std::string_view check = "123456789"; // the published check value of CRC-32C
  CHECK(crc32c({check.data(), check.size()}) == 0xE3069283u);
  CHECK(crc32c_portable({check.data(), check.size()}) == 0xE3069283u);
  std::vector<char> bytes(10'027); // three rounds of three lanes, and a rest
  std::mt19937 random(5);          // no two lanes alike
  for (auto& byte : bytes) byte = static_cast<char>(random());
  const std::span<const char> all(bytes);
  for (std::size_t cut = 0; cut < bytes.size(); cut += 131) {
    CHECK(crc32c(all.subspan(cut), crc32c(all.first(cut))) == crc32c(all));
    CHECK(crc32c_portable(all.subspan(cut), crc32c_portable(all.first(cut))) == crc32c(all));
  }
}
