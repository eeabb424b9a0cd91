// Frames into messages.
#include "runtime/wire_fields.hpp"

namespace lagrange::runtime {

using schema::FrameKind;

static_assert(protocol_version == schema::PROTOCOL_VERSION, "wire.hpp and frame.capnp differ");
static_assert(static_cast<int>(frame_kind::shard_filling) ==
              static_cast<int>(FrameKind::SHARD_FILLING));

std::optional<ops::shape> field_reader::read_extents(std::string_view field,
                                                     capnp::List<std::int64_t>::Reader in) {
  const auto where = std::string(field) + ".extents";
  if (in.size() > ops::shape::rank_max) {
    refuse(where, fmt::format("of rank {}", in.size()),
           fmt::format("at most {}", ops::shape::rank_max));
    return std::nullopt;
  }
  // Also with an extent of zero the others may not overflow, whoever multiplies them.
  std::array<std::int64_t, ops::shape::rank_max> extents{};
  auto left = static_cast<std::int64_t>(wire_limits::shard_elements_max);
  for (unsigned axis = 0; axis < in.size(); ++axis) {
    extents[axis] = in[axis];
    if (extents[axis] < 0 || extents[axis] > left) {
      refuse(where, fmt::format("{} at axis {}", extents[axis], axis),
             fmt::format("0 to {} there", left));
      return std::nullopt;
    }
    if (extents[axis] > 0) left /= extents[axis];
  }
  return ops::shape(std::span<const std::int64_t>(extents.data(), in.size()));
}

ops::tensor field_reader::read(std::string_view field, schema::Tensor::Reader in) {
  const auto type = enumerator(std::string(field) + ".type", in.getType(), ops::dtype::u8);
  if (in.getEncoding() != schema::Encoding::PLAIN)
    refuse(std::string(field) + ".encoding",
           std::to_string(static_cast<std::uint16_t>(in.getEncoding())), "0 (plain)");
  const auto extents = read_extents(field, in.getExtents());
  const auto data = in.getData();
  if (defect_) return {};
  const auto wanted = static_cast<std::size_t>(extents->elements()) * ops::size_bytes(type);
  if (data.size() != wanted) {
    refuse(std::string(field) + ".data", fmt::format("{} bytes", data.size()),
           fmt::format("{} for {} {}", wanted, ops::name(type), ops::to_string(*extents)));
    return {};
  }
  return in_.tensor_of(data, type, *extents);
}

ops::tensor field_reader::read(std::string_view field, schema::Tensor::Reader in, coding& how) {
  if (in.getEncoding() != schema::Encoding::CODED) return read(field, in);
  const auto extents = read_extents(field, in.getExtents());
  if (in.getType() != schema::DType::F32 || !extents || extents->rank() != 1)
    refuse(field, "coded, but of no vector of f32", "f32 [N]");
  const auto codec = in.getCodec();
  if (codec.size() == 0 || codec.size() > wire_limits::codec_name_max)
    refuse(std::string(field) + ".codec", fmt::format("a name of {} characters", codec.size()),
           fmt::format("1 to {}", wire_limits::codec_name_max));
  if (defect_) return {};
  how = {codec.cStr(), static_cast<std::uint64_t>(extents->elements())};
  const auto data = in.getData();
  return in_.tensor_of(data, ops::dtype::u8, {static_cast<std::int64_t>(data.size())});
}

table_rows field_reader::read(std::string_view field, schema::TableRows::Reader in) {
  const auto counts = in.getCounts();
  if (counts.size() == 0 || counts.size() > wire_limits::tables_max) {
    refuse(std::string(field) + ".counts", fmt::format("of {} tables", counts.size()),
           fmt::format("1 to {}", wire_limits::tables_max));
    return {};
  }
  table_rows out;
  for (const auto count : counts) out.counts.push_back(count);
  out.rows = read(std::string(field) + ".rows", in.getRows());
  return out;
}

lease_request field_reader::read(schema::LeaseRequest::Reader in) {
  return {.from = read(in.getFrom()),
          .sequence = in.getSequence(),
          .clock = {in.getClock()},
          .state = enumerator("state", in.getState(), standing::idle),
          .batch_time = std::chrono::nanoseconds(static_cast<std::int64_t>(in.getBatchTime()))};
}

push_ack field_reader::read(schema::PushAck::Reader in) {
  return {.from = read(in.getFrom()),
          .what = {in.getLease()},
          .attempt = {in.getAttempt()},
          .clock = {in.getClock()},
          .outcome = enumerator("outcome", in.getOutcome(), push_outcome::duplicate),
          .version = {in.getVersion()},
          .cut = {in.getCut()}};
}

rejection field_reader::read(schema::Rejection::Reader in) {
  return {{enumerator("code", in.getCode(), errc::interrupted), in.getText().cStr()}};
}

batch field_reader::read(schema::Batch::Reader in) {
  return {.inputs = in.hasInputs() ? read("samples.inputs", in.getInputs()) : ops::tensor{},
          .labels = in.hasLabels() ? read("samples.labels", in.getLabels()) : ops::tensor{},
          .scale = in.getScale(),
          .shift = in.getShift()};
}

lease_grant field_reader::read(schema::LeaseGrant::Reader in) {
  return {.from = read(in.getFrom()),
          .sequence = in.getSequence(),
          .kind = enumerator("kind", in.getKind(), grant_kind::discard),
          .what = read(in.getWhat()),
          .clock = {in.getClock()},
          .samples = in.hasSamples() ? read(in.getSamples()) : batch{}};
}

pull_request field_reader::read(schema::PullRequest::Reader in) {
  return {.from = read(in.getFrom()),
          .clock = {in.getClock()},
          .held_life = {in.getHeldLife()},
          .held = {in.getHeld()},
          .rows = in.hasRows() ? read("rows", in.getRows()) : table_rows{}};
}

pull_reply field_reader::read(schema::PullReply::Reader in) {
  coding how;
  auto parameters =
      in.hasParameters() ? read("parameters", in.getParameters(), how) : ops::tensor{};
  const auto taken = read(in.getTaken());
  const auto before = read(in.getTakenBefore());
  return {.from = read(in.getFrom()),
          .clock = {in.getClock()},
          .version = {in.getVersion()},
          .changed = in.getChanged(),
          .parameters = std::move(parameters),
          .how = std::move(how),
          .blocks = in.hasBlocks() ? read("blocks", in.getBlocks()) : ops::tensor{},
          .taken = {{{taken.id, taken.attempt}, {before.id, before.attempt}}},
          .samples = in.getSamples(),
          .rows = in.hasRows() ? read("rows", in.getRows()) : ops::tensor{},
          .cut = {in.getCut()}};
}

gradient_push field_reader::read(schema::GradientPush::Reader in) {
  coding how;
  auto gradient = in.hasGradient() ? read("gradient", in.getGradient(), how) : ops::tensor{};
  return {.from = read(in.getFrom()),
          .clock = {in.getClock()},
          .what = read(in.getWhat()),
          .read = {in.getRead()},
          .frame = in.getFrame(),
          .frames = in.getFrames(),
          .first = in.getFirst(),
          .gradient = std::move(gradient),
          .how = std::move(how),
          .verdict = enumerator("verdict", in.getVerdict(), push_verdict::discard),
          .samples = in.getSamples(),
          .clip_scale = in.getClipScale(),
          .rows = in.hasRows() ? read("rows", in.getRows()) : table_rows{},
          .row_gradient =
              in.hasRowGradient() ? read("row_gradient", in.getRowGradient()) : ops::tensor{},
          .cut = {in.getCut()}};
}

error unexpected(const transport::frame& frame) {
  return bad_field(name(static_cast<FrameKind>(frame.kind)), "kind", std::to_string(frame.kind),
                   "one that this actor takes");
}

template <>
result<lease_request> decode<lease_request>(const transport::frame& frame) {
  return decode_as<schema::LeaseRequest, lease_request>(FrameKind::LEASE_REQUEST, frame);
}
template <>
result<lease_grant> decode<lease_grant>(const transport::frame& frame) {
  return decode_as<schema::LeaseGrant, lease_grant>(FrameKind::LEASE_GRANT, frame);
}
template <>
result<pull_request> decode<pull_request>(const transport::frame& frame) {
  return decode_as<schema::PullRequest, pull_request>(FrameKind::PULL_REQUEST, frame);
}
template <>
result<pull_reply> decode<pull_reply>(const transport::frame& frame) {
  return decode_as<schema::PullReply, pull_reply>(FrameKind::PULL_REPLY, frame);
}
template <>
result<gradient_push> decode<gradient_push>(const transport::frame& frame) {
  return decode_as<schema::GradientPush, gradient_push>(FrameKind::GRADIENT_PUSH, frame);
}
template <>
result<push_ack> decode<push_ack>(const transport::frame& frame) {
  return decode_as<schema::PushAck, push_ack>(FrameKind::PUSH_ACK, frame);
}
template <>
result<snapshot_request> decode<snapshot_request>(const transport::frame& frame) {
  return decode_as<schema::SnapshotRequest, snapshot_request>(FrameKind::SNAPSHOT_REQUEST, frame);
}
template <>
result<rejection> decode<rejection>(const transport::frame& frame) {
  return decode_as<schema::Rejection, rejection>(FrameKind::REJECTION, frame);
}

} // namespace lagrange::runtime
