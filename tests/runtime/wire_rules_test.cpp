// Well-formed Cap'n Proto that breaks one rule at a time: refused, with the field named.
#include "runtime/wire.hpp"
#include "runtime/wire_frame.hpp"
#include "tests/support/frame_bytes.hpp"
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <optional>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

void fill(schema::Tensor::Builder to, schema::DType type, std::vector<std::int64_t> extents,
          unsigned data_bytes) {
  to.setType(type);
  auto list = to.initExtents(static_cast<unsigned>(extents.size()));
  for (unsigned i = 0; i < extents.size(); ++i) list.set(i, extents[i]);
  to.initData(data_bytes);
}

/// The error that a frame gives whose root `damage` has worked on.
template <class Root, class T, class Fill, class Damage>
std::string refusal(schema::FrameKind kind, Fill make_valid, Damage damage) {
  message_writer out;
  auto root = out.root<Root>();
  make_valid(root);
  damage(root);
  const auto got = decode<T>(out.to_frame(kind, transport::urgency::control));
  return got ? "accepted" : got.error().text;
}

template <class Damage>
std::string push_refusal(Damage damage) {
  return refusal<schema::GradientPush, gradient_push>(
      schema::FrameKind::GRADIENT_PUSH,
      [](schema::GradientPush::Builder push) {
        push.initFrom();
        push.setFrames(1);
        fill(push.initGradient(), schema::DType::F32, {4}, 16);
      },
      damage);
}

template <class Damage>
std::string grant_refusal(Damage damage) {
  return refusal<schema::LeaseGrant, lease_grant>(
      schema::FrameKind::LEASE_GRANT,
      [](schema::LeaseGrant::Builder grant) {
        auto samples = grant.initSamples();
        fill(samples.initInputs(), schema::DType::U8, {2, 3}, 6);
        fill(samples.initLabels(), schema::DType::I32, {2}, 8);
      },
      damage);
}

using push_builder = schema::GradientPush::Builder;
using grant_builder = schema::LeaseGrant::Builder;
using Catch::Contains;

} // namespace

TEST_CASE("the frames that the rules are tried on keep them", "[runtime][wire]") {
  CHECK(push_refusal([](push_builder) {}) == "accepted");
  CHECK(grant_refusal([](grant_builder) {}) == "accepted");
}

TEST_CASE("a push that breaks a rule is refused, and the field named", "[runtime][wire]") {
  CHECK_THAT(push_refusal([](push_builder x) { x.setFrame(1); }),
             Contains("frame is 1, expected less than 1"));
  CHECK_THAT(push_refusal([](push_builder x) { x.setFrames(0); }),
             Contains("frames is 0, expected 1 to 65536"));
  CHECK_THAT(push_refusal([](push_builder x) { x.setFrames(65537); }), Contains("frames is 65537"));
  CHECK_THAT(push_refusal([](push_builder x) { x.setFirst(~0ull); }), Contains("first is"));
  CHECK_THAT(push_refusal([](push_builder x) { x.setClipScale(not_a_number); }),
             Contains("clip_scale is nan"));
  CHECK_THAT(push_refusal([](push_builder x) { x.setClipScale(-infinity); }),
             Contains("clip_scale is -inf"));
  for (const float scale : {-0.5F, 1.5F, 1e30F}) // backwards, or further than the gradient goes
    CHECK_THAT(push_refusal([&](push_builder x) { x.setClipScale(scale); }),
               Contains("expected a number from 0 to 1"));
  for (const float scale : {0.0F, 1e-30F, 1.0F})
    CHECK(push_refusal([&](push_builder x) { x.setClipScale(scale); }) == "accepted");
  CHECK_THAT(push_refusal([](push_builder x) { x.setVerdict(schema::PushVerdict::SKIP); }),
             Contains("gradient is f32 [4], expected no tensor"));
  CHECK_THAT(
      push_refusal([](push_builder x) { x.setVerdict(static_cast<schema::PushVerdict>(5)); }),
      Contains("verdict is 5, expected 0 to 4"));
  CHECK_THAT(push_refusal(
                 [](push_builder x) { x.getFrom().setRole(static_cast<schema::ActorRole>(300)); }),
             Contains("from.role is 300, expected 0 to 5"));
  CHECK_THAT(push_refusal([](push_builder x) { x.initWhat().setRoundSize(1u << 20); }),
             Contains("what.round_size is 1048576"));
  CHECK_THAT(push_refusal([](push_builder x) { x.initWhat().setBatches(0); }),
             Contains("what.batches is 0, expected 1 to 1048576"));
  CHECK_THAT(push_refusal([](push_builder x) { x.initWhat().setBatches(1048577); }),
             Contains("what.batches is 1048577"));
  CHECK_THAT(push_refusal([](push_builder x) { x.initWhat().setId(~0ull); }),
             Contains("what.id is 18446744073709551615, expected at most"));
}

TEST_CASE("a request for a lease that breaks a rule is refused, and the field named",
          "[runtime][wire]") {
  const auto with = [](std::uint64_t nanoseconds) {
    return refusal<schema::LeaseRequest, lease_request>(
        schema::FrameKind::LEASE_REQUEST, [](schema::LeaseRequest::Builder x) { x.initFrom(); },
        [&](schema::LeaseRequest::Builder x) { x.setBatchTime(nanoseconds); });
  };
  CHECK(with(std::uint64_t{1} << 62) == "accepted");
  CHECK_THAT(with(std::uint64_t{1} << 63), Contains("batch_time is 9223372036854775808, expected"));
}

TEST_CASE("a tensor that contradicts itself is refused, and the field named", "[runtime][wire]") {
  constexpr std::int64_t huge = std::int64_t{1} << 62;
  const auto with = [](schema::DType type, std::vector<std::int64_t> extents, unsigned bytes) {
    return push_refusal([&](push_builder x) { fill(x.initGradient(), type, extents, bytes); });
  };
  CHECK_THAT(with(schema::DType::F32, {4}, 15), Contains("gradient.data is 15 bytes, expected 16"));
  CHECK_THAT(with(schema::DType::F32, {4}, 17), Contains("gradient.data is 17 bytes, expected 16"));
  CHECK_THAT(with(schema::DType::F32, {4}, 0), Contains("gradient.data is 0 bytes"));
  CHECK_THAT(with(schema::DType::F32, {huge}, 16), Contains("gradient.extents"));
  CHECK_THAT(with(schema::DType::F32, {huge, huge, 0}, 0), Contains("gradient.extents"));
  CHECK_THAT(with(schema::DType::F32, {0, 1 << 30, 1 << 30}, 0), Contains("gradient.extents"));
  CHECK_THAT(with(schema::DType::F32, {-4}, 16), Contains("gradient.extents is -4 at axis 0"));
  CHECK_THAT(with(schema::DType::F32, {1, 1, 1, 1, 1, 1, 4}, 16), Contains("of rank 7"));
  CHECK_THAT(with(schema::DType::F32, {2, 2}, 16), Contains("gradient is f32 [2, 2], expected"));
  CHECK_THAT(with(schema::DType::U8, {4}, 4), Contains("gradient is u8 [4], expected f32 [N]"));
  CHECK_THAT(with(static_cast<schema::DType>(5), {4}, 16), Contains("gradient.type is 5"));
  CHECK_THAT(push_refusal([](push_builder x) {
               x.getGradient().setEncoding(static_cast<schema::Encoding>(7));
             }),
             Contains("gradient.encoding is 7, expected 0 (plain)"));
}

TEST_CASE("a grant that breaks a rule is refused, and the field named", "[runtime][wire]") {
  CHECK_THAT(grant_refusal([](grant_builder x) { x.getSamples().setScale(not_a_number); }),
             Contains("samples.scale is nan"));
  CHECK_THAT(grant_refusal([](grant_builder x) { x.getSamples().setShift(infinity); }),
             Contains("samples.shift is inf"));
  CHECK_THAT(grant_refusal([](grant_builder x) {
               fill(x.getSamples().initLabels(), schema::DType::I32, {3}, 12);
             }),
             Contains("samples.inputs is u8 [2, 3], expected u8, f32 or i32 [3, ...]"));
  CHECK_THAT(grant_refusal([](grant_builder x) {
               fill(x.getSamples().initLabels(), schema::DType::F32, {2}, 8);
             }),
             Contains("samples.labels is f32 [2], expected i32 [N]"));
  CHECK_THAT(grant_refusal([](grant_builder x) {
               fill(x.getSamples().initInputs(), schema::DType::BF16, {2}, 4);
             }),
             Contains("samples.inputs is bf16 [2]"));
  CHECK_THAT(grant_refusal([](grant_builder x) { x.disownSamples(); }),
             Contains("samples.labels is no tensor"));
  CHECK_THAT(grant_refusal([](grant_builder x) { x.setKind(schema::GrantKind::TICK); }),
             Contains("samples.inputs is u8 [2, 3], expected no tensor"));
  CHECK_THAT(grant_refusal([](grant_builder x) { x.setKind(static_cast<schema::GrantKind>(5)); }),
             Contains("kind is 5, expected 0 to 4"));
}

TEST_CASE("every token has a label, and nothing else has more than one", "[runtime][wire]") {
  using schema::DType;
  const auto with = [](DType inputs, std::vector<std::int64_t> extents, DType labels,
                       std::vector<std::int64_t> labelled) {
    const auto bytes = [](const std::vector<std::int64_t>& of, DType type) {
      unsigned sum = type == DType::U8 ? 1 : 4;
      for (const auto extent : of) sum *= static_cast<unsigned>(extent);
      return sum;
    };
    return grant_refusal([&](grant_builder x) {
      fill(x.getSamples().initInputs(), inputs, extents, bytes(extents, inputs));
      fill(x.getSamples().initLabels(), labels, labelled, bytes(labelled, labels));
    });
  };
  CHECK(with(DType::I32, {2, 3}, DType::I32, {2, 3}) == "accepted");
  CHECK(with(DType::I32, {2, 3, 2}, DType::I32, {2}) == "accepted");
  CHECK_THAT(with(DType::I32, {2, 3}, DType::I32, {2, 4}),
             Contains("samples.labels is i32 [2, 4], expected i32 [N], or a label for each token "
                      "of i32 [2, 3]"));
  CHECK_THAT(with(DType::U8, {2, 3}, DType::I32, {2, 3}), Contains("a label for each token"));
  CHECK_THAT(with(DType::I32, {2, 3}, DType::F32, {2, 3}), Contains("a label for each token"));
  CHECK_THAT(with(DType::I32, {0, 3}, DType::I32, {0, 3}), Contains("and at least one"));
  CHECK_THAT(with(DType::I32, {2, 3}, DType::I32, {}), Contains("samples.labels is i32 []"));
}

TEST_CASE("a reply holds parameters exactly if they have changed", "[runtime][wire]") {
  const auto with = [](auto damage) {
    return refusal<schema::PullReply, pull_reply>(
        schema::FrameKind::PULL_REPLY, [](schema::PullReply::Builder) {}, damage);
  };
  CHECK(with([](schema::PullReply::Builder) {}) == "accepted");
  CHECK_THAT(with([](schema::PullReply::Builder x) { x.setChanged(true); }),
             Contains("parameters is no tensor, expected f32 [N]"));
  CHECK_THAT(with([](schema::PullReply::Builder x) {
               fill(x.initParameters(), schema::DType::F32, {1}, 4);
             }),
             Contains("parameters is f32 [1], expected no tensor"));
}

TEST_CASE("a coded tensor names its codec, and is a vector", "[runtime][wire]") {
  const auto coded = [](auto damage) {
    return push_refusal([&](push_builder x) {
      auto to = x.initGradient();
      fill(to, schema::DType::F32, {500}, 11);
      to.setEncoding(schema::Encoding::CODED);
      to.setCodec("int8");
      damage(to);
    });
  };
  using tensor_builder = schema::Tensor::Builder;
  CHECK(coded([](tensor_builder) {}) == "accepted");
  CHECK_THAT(coded([](tensor_builder x) { x.setCodec(""); }),
             Contains("gradient.codec is a name of 0 characters"));
  CHECK_THAT(coded([](tensor_builder x) { x.setCodec(std::string(65, 'x')); }),
             Contains("gradient.codec is a name of 65 characters, expected 1 to 64"));
  CHECK_THAT(coded([](tensor_builder x) { x.setType(schema::DType::U8); }),
             Contains("gradient is coded, but of no vector of f32"));
  CHECK_THAT(coded([](tensor_builder x) {
               fill(x, schema::DType::F32, {5, 100}, 11);
             }),
             Contains("gradient is coded, but of no vector of f32"));
}

TEST_CASE("changed blocks ascend, and bring as many elements as they say", "[runtime][wire]") {
  const auto with = [](std::vector<std::int32_t> blocks, std::int64_t elements) {
    auto reply = sample_reply(elements);
    message_writer out;
    auto root = out.root<schema::PullReply>();
    root.setChanged(true);
    auto parameters = root.initParameters();
    parameters.setType(schema::DType::F32);
    parameters.initExtents(1).set(0, elements);
    parameters.adoptData(out.refer(reply.parameters));
    auto list = root.initBlocks();
    fill(list, schema::DType::I32, {static_cast<std::int64_t>(blocks.size())},
         static_cast<unsigned>(blocks.size() * 4));
    std::memcpy(list.getData().begin(), blocks.data(), blocks.size() * 4);
    const auto got = decode<pull_reply>(
        out.to_frame(schema::FrameKind::PULL_REPLY, transport::urgency::control));
    return got ? "accepted" : got.error().text;
  };
  CHECK(with({2, 5}, 2048) == "accepted");
  CHECK(with({2, 5}, 1025) == "accepted");
  CHECK_THAT(with({2, 5}, 1024),
             Contains("parameters is f32 [1024], expected f32 [N] of 2 blocks"));
  CHECK_THAT(with({2, 5}, 2049), Contains("parameters is f32 [2049]"));
  CHECK_THAT(with({5, 2}, 2048), Contains("blocks is 2 after 5, expected ascending"));
  CHECK_THAT(with({2, 2}, 2048), Contains("blocks is 2 after 2"));
  CHECK_THAT(with({-1}, 1024), Contains("blocks is -1 after -1"));
}

TEST_CASE("two tensors that share one payload are refused", "[runtime][wire]") {
  auto grant = sample_grant(grant_kind::batch);
  grant.samples.inputs = ops::tensor(ops::dtype::u8, {2, 4096});
  std::ranges::fill(grant.samples.inputs.values<std::uint8_t>(), std::uint8_t{1});
  auto frame = encode(grant);
  // The pointers to the payloads: far ones (2) by way of two words (4).
  std::vector<std::uint64_t*> far;
  for (auto& word : frame.head)
    if ((word & 7) == 6) far.push_back(&word);
  REQUIRE(far.size() == 2);
  *far[1] = *far[0];
  CHECK_FALSE(decode<lease_grant>(frame));
}
