// Frames into messages.
#include "runtime/wire.hpp"
#include "runtime/wire_check.hpp"
#include "runtime/wire_frame.hpp"

#include <fmt/format.h>

#include <new>
#include <optional>

namespace lagrange::runtime {

namespace {

using schema::FrameKind;

static_assert(protocol_version == schema::PROTOCOL_VERSION, "wire.hpp and frame.capnp differ");
static_assert(static_cast<int>(frame_kind::input_ack) == static_cast<int>(FrameKind::INPUT_ACK));

/// Reads the fields of one frame and keeps the first defect that it meets.
class field_reader {
public:
  field_reader(FrameKind kind, message_reader& in) : kind_(kind), in_(in) {}

  void refuse(std::string_view field, const std::string& found, const std::string& expected) {
    if (!defect_) defect_ = bad_field(name(kind_), field, found, expected);
  }
  std::optional<error> defect() { return std::move(defect_); }

  /// The enumerator, or `last` if there is none of that number.
  template <class Enum, class Raw>
  Enum enumerator(std::string_view field, Raw raw, Enum last) {
    const auto number = static_cast<std::uint16_t>(raw);
    if (number <= static_cast<std::uint16_t>(last)) return static_cast<Enum>(number);
    refuse(field, std::to_string(number), fmt::format("0 to {}", static_cast<int>(last)));
    return last;
  }

  stamp read(schema::Stamp::Reader in) {
    return {.job = {in.getJob()},
            .term = {in.getTerm()},
            .view = {in.getView()},
            .name = {enumerator("from.role", in.getRole(), actor_role::replica), in.getIndex()},
            .life = {in.getLife()}};
  }

  lease read(schema::Lease::Reader in) {
    return {.id = {in.getId()},
            .attempt = {in.getAttempt()},
            .epoch = in.getEpoch(),
            .round = in.getRound(),
            .round_size = in.getRoundSize(),
            .batches = in.getBatches(),
            .cut = {in.getCut()}};
  }

  ops::tensor read(std::string_view field, schema::Tensor::Reader in);
  /// The elements, or the bytes that a codec made of them.
  ops::tensor read(std::string_view field, schema::Tensor::Reader in, coding& how);
  table_rows read(std::string_view field, schema::TableRows::Reader in);
  batch read(schema::Batch::Reader in);
  lease_request read(schema::LeaseRequest::Reader in);
  lease_grant read(schema::LeaseGrant::Reader in);
  pull_request read(schema::PullRequest::Reader in);
  pull_reply read(schema::PullReply::Reader in);
  gradient_push read(schema::GradientPush::Reader in);
  push_ack read(schema::PushAck::Reader in);
  snapshot_request read(schema::SnapshotRequest::Reader in) {
    return {.from = read(in.getFrom()),
            .sequence = in.getSequence(),
            .rows = in.hasRows() ? read("rows", in.getRows()) : table_rows{}};
  }
  rejection read(schema::Rejection::Reader in);
  shard_input read(schema::ShardInput::Reader in);
  input_ack read(schema::InputAck::Reader in) {
    return {.from = read(in.getFrom()), .sequence = in.getSequence()};
  }
  std::vector<std::int32_t> read_numbers(schema::ShardInput::Reader in, std::size_t of_each);
  membership_view read_view(schema::ShardInput::Reader in);
  round_closing read_closing(schema::ShardInput::Reader in);
  switch_order read_switch(schema::ShardInput::Reader in);

private:
  std::optional<ops::shape> read_extents(std::string_view field,
                                         capnp::List<std::int64_t>::Reader in);

  FrameKind kind_;
  message_reader& in_;
  std::optional<error> defect_;
};

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

/// Numbers of so many to an item.
std::vector<std::int32_t> field_reader::read_numbers(schema::ShardInput::Reader in,
                                                     std::size_t of_each) {
  if (!in.hasNumbers()) return {};
  const auto found = read("numbers", in.getNumbers());
  if (defect_) return {};
  const auto count = static_cast<std::size_t>(found.elements());
  if (found.type() != ops::dtype::i32 || found.extents().rank() != 1 || count % of_each != 0) {
    refuse("numbers", fmt::format("{} {}", ops::name(found.type()), ops::to_string(found.extents())),
           fmt::format("i32 [{}k]", of_each));
    return {};
  }
  const auto values = std::as_const(found).values<std::int32_t>();
  return {values.begin(), values.end()};
}

membership_view field_reader::read_view(schema::ShardInput::Reader in) {
  membership_view made{read(in.getBy()), {}};
  const auto numbers = read_numbers(in, 4);
  for (std::size_t i = 0; i + 3 < numbers.size(); i += 4)
    made.members.push_back({{static_cast<std::uint32_t>(numbers[i])},
                            {static_cast<std::uint32_t>(numbers[i + 1])},
                            numbers[i + 2] != 0,
                            numbers[i + 3] != 0});
  return made;
}

round_closing field_reader::read_closing(schema::ShardInput::Reader in) {
  round_closing made{read(in.getBy()), in.getNumber(), {}, {}};
  const auto numbers = read_numbers(in, 2);
  if (in.getMembers() > numbers.size() / 2)
    refuse("members", std::to_string(in.getMembers()),
           fmt::format("at most {}", numbers.size() / 2));
  for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
    const auto low = std::uint64_t{static_cast<std::uint32_t>(numbers[i])};
    const auto high = std::uint64_t{static_cast<std::uint32_t>(numbers[i + 1])};
    auto& to = i / 2 < in.getMembers() ? made.members : made.excluded;
    to.push_back({high << 32 | low});
  }
  return made;
}

switch_order field_reader::read_switch(schema::ShardInput::Reader in) {
  if (in.getPolicy().size() > switched_policy_letters_max)
    refuse("policy", fmt::format("of {} letters", in.getPolicy().size()),
           fmt::format("at most {}", switched_policy_letters_max));
  return {read(in.getBy()), in.getNumber(),
          enumerator("phase", in.getPhase(), switch_phase::resume), in.getPolicy().cStr(),
          {in.getFirst()}};
}

/// Pulls and pushes apart, which have frames of their own.
shard_input field_reader::read(schema::ShardInput::Reader in) {
  shard_input made{read(in.getFrom()), in.getSequence(),
                   time_point(std::chrono::nanoseconds(in.getNow())), in.getRecords(), {}};
  switch (in.getKind()) {
  case schema::InputKind::PULL:
  case schema::InputKind::PUSH:
    break;
  case schema::InputKind::VIEW:
    made.what = read_view(in);
    break;
  case schema::InputKind::CLOSING:
    made.what = read_closing(in);
    break;
  case schema::InputKind::SWITCHING:
    made.what = read_switch(in);
    break;
  case schema::InputKind::SETTLED:
    made.what = settlement_ack{read(in.getBy()), in.getNumber()};
    break;
  case schema::InputKind::NOTE:
    made.what = state_note{};
    break;
  case schema::InputKind::SETTLEMENT:
    made.what = settlement_order{};
    break;
  default:
    refuse("kind", std::to_string(static_cast<int>(in.getKind())), "0 to 7");
  }
  return made;
}

template <class Root, class T>
result<T> decode_as(FrameKind kind, const transport::frame& frame) {
  const auto refuse = [&](std::string_view field, const std::string& found,
                          const std::string& expected) {
    return BOOST_OUTCOME_V2_NAMESPACE::failure(bad_field(name(kind), field, found, expected));
  };
  if (frame.kind != static_cast<std::uint16_t>(kind))
    return refuse("kind",
                  fmt::format("{} ({})", frame.kind, name(static_cast<FrameKind>(frame.kind))),
                  fmt::format("{} ({})", static_cast<int>(kind), name(kind)));
  try {
    message_reader message(frame);
    field_reader in(kind, message);
    T out = in.read(message.root<Root>());
    if (auto defect = in.defect()) return BOOST_OUTCOME_V2_NAMESPACE::failure(*std::move(defect));
    if (auto defect = defect_of(out))
      return BOOST_OUTCOME_V2_NAMESPACE::failure(*std::move(defect));
    return out;
  } catch (const kj::Exception& problem) {
    return refuse("Cap'n Proto message", problem.getDescription().cStr(), "a valid one");
  } catch (const ops::device_error& problem) {
    return refuse("a tensor", problem.what(), "one that fits into this machine's memory");
  } catch (const std::bad_alloc&) {
    return refuse("the frame", "too large", "one that fits into this machine's memory");
  }
}

} // namespace

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

template <>
result<input_ack> decode<input_ack>(const transport::frame& frame) {
  return decode_as<schema::InputAck, input_ack>(FrameKind::INPUT_ACK, frame);
}

namespace {

/// The frame behind the words of an input.
result<transport::frame> frame_in(const transport::frame& outer) {
  std::size_t words = 0;
  transport::frame made;
  try {
    message_reader message(outer);
    const auto root = message.root<schema::ShardInput>();
    words = root.getWords();
    made.kind = static_cast<std::uint16_t>(root.getKind() == schema::InputKind::PULL
                                               ? FrameKind::PULL_REQUEST
                                               : FrameKind::GRADIENT_PUSH);
  } catch (const kj::Exception& problem) {
    return BOOST_OUTCOME_V2_NAMESPACE::failure(bad_field(name(FrameKind::SHARD_INPUT), "words",
                                                         problem.getDescription().cStr(),
                                                         "a valid number"));
  }
  if (words == 0 || words >= outer.head.size())
    return BOOST_OUTCOME_V2_NAMESPACE::failure(
        bad_field(name(FrameKind::SHARD_INPUT), "words", std::to_string(words),
                  fmt::format("1 to {}", outer.head.size() - 1)));
  made.head.assign(outer.head.end() - static_cast<std::ptrdiff_t>(words), outer.head.end());
  made.payloads = outer.payloads;
  return made;
}

} // namespace

template <>
result<shard_input> decode<shard_input>(const transport::frame& frame) {
  BOOST_OUTCOME_TRY(made, decode_as<schema::ShardInput, shard_input>(FrameKind::SHARD_INPUT, frame));
  if (!std::holds_alternative<std::monostate>(made.what)) return made;
  BOOST_OUTCOME_TRY(inner, frame_in(frame));
  if (kind_of(inner) == frame_kind::pull_request) {
    BOOST_OUTCOME_TRY(pull, decode<pull_request>(inner));
    made.what = std::move(pull);
  } else {
    BOOST_OUTCOME_TRY(push, decode<gradient_push>(inner));
    made.what = std::make_shared<const gradient_push>(std::move(push));
  }
  return made;
}

} // namespace lagrange::runtime
