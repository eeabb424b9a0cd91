// Messages into frames.
#include "runtime/wire.hpp"
#include "runtime/wire_check.hpp"
#include "runtime/wire_frame.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

using schema::FrameKind;
using transport::urgency;

/// Characters of a rejection that travel.
constexpr std::size_t rejection_text_max = 800;

void put(schema::Stamp::Builder to, const stamp& x) {
  to.setJob(x.job.value);
  to.setTerm(x.term.value);
  to.setView(x.view.value);
  to.setRole(static_cast<schema::ActorRole>(x.name.role));
  to.setIndex(x.name.index);
  to.setLife(x.life.value);
}

void put(schema::Lease::Builder to, const lease& x) {
  to.setId(x.id.value);
  to.setAttempt(x.attempt.value);
  to.setEpoch(x.epoch);
  to.setRound(x.round);
  to.setRoundSize(x.round_size);
  to.setBatches(x.batches);
  to.setCut(x.cut.value);
}

void put(message_writer& out, schema::Tensor::Builder to, const ops::tensor& x) {
  to.setType(static_cast<schema::DType>(x.type()));
  const auto extents = x.extents().extents();
  auto list = to.initExtents(static_cast<unsigned>(extents.size()));
  for (unsigned axis = 0; axis < extents.size(); ++axis) list.set(axis, extents[axis]);
  if (x.size_bytes() > 0) to.adoptData(out.refer(x));
}

void put(message_writer& out, schema::Tensor::Builder to, const ops::tensor& x, const coding& how) {
  if (how.codec.empty()) return put(out, to, x);
  to.setType(schema::DType::F32);
  to.setEncoding(schema::Encoding::CODED);
  to.setCodec(how.codec);
  to.initExtents(1).set(0, static_cast<std::int64_t>(how.elements));
  if (x.size_bytes() > 0) to.adoptData(out.refer(x));
}

void put(message_writer& out, schema::TableRows::Builder to, const table_rows& x) {
  auto counts = to.initCounts(static_cast<unsigned>(x.counts.size()));
  for (unsigned table = 0; table < counts.size(); ++table) counts.set(table, x.counts[table]);
  put(out, to.initRows(), x.rows);
}

void put(message_writer&, schema::LeaseRequest::Builder to, const lease_request& x) {
  put(to.initFrom(), x.from);
  to.setSequence(x.sequence);
  to.setClock(x.clock.value);
  to.setState(static_cast<schema::Standing>(x.state));
  to.setBatchTime(static_cast<std::uint64_t>(x.batch_time.count()));
}

void put(message_writer& out, schema::LeaseGrant::Builder to, const lease_grant& x) {
  put(to.initFrom(), x.from);
  to.setSequence(x.sequence);
  to.setKind(static_cast<schema::GrantKind>(x.kind));
  put(to.initWhat(), x.what);
  to.setClock(x.clock.value);
  if (x.kind != grant_kind::batch) return;
  auto samples = to.initSamples();
  put(out, samples.initInputs(), x.samples.inputs);
  put(out, samples.initLabels(), x.samples.labels);
  samples.setScale(x.samples.scale);
  samples.setShift(x.samples.shift);
}

void put(message_writer& out, schema::PullRequest::Builder to, const pull_request& x) {
  put(to.initFrom(), x.from);
  to.setClock(x.clock.value);
  to.setHeldLife(x.held_life.value);
  to.setHeld(x.held.value);
  if (!x.rows.empty()) put(out, to.initRows(), x.rows);
}

void put(message_writer& out, schema::PullReply::Builder to, const pull_reply& x) {
  put(to.initFrom(), x.from);
  to.setClock(x.clock.value);
  to.setVersion(x.version.value);
  to.setChanged(x.changed);
  if (x.changed) put(out, to.initParameters(), x.parameters, x.how);
  if (!x.blocks.empty()) put(out, to.initBlocks(), x.blocks);
  put(to.initTaken(), lease{.id = x.taken[0].what, .attempt = x.taken[0].attempt});
  put(to.initTakenBefore(), lease{.id = x.taken[1].what, .attempt = x.taken[1].attempt});
  to.setSamples(x.samples);
  if (!x.rows.empty()) put(out, to.initRows(), x.rows);
  to.setCut(x.cut.value);
}

void put(message_writer& out, schema::GradientPush::Builder to, const gradient_push& x) {
  put(to.initFrom(), x.from);
  to.setClock(x.clock.value);
  put(to.initWhat(), x.what);
  to.setRead(x.read.value);
  to.setFrame(x.frame);
  to.setFrames(x.frames);
  to.setFirst(x.first);
  if (!x.gradient.empty()) put(out, to.initGradient(), x.gradient, x.how);
  to.setVerdict(static_cast<schema::PushVerdict>(x.verdict));
  to.setSamples(x.samples);
  to.setClipScale(x.clip_scale);
  if (!x.rows.empty()) put(out, to.initRows(), x.rows);
  if (!x.row_gradient.empty()) put(out, to.initRowGradient(), x.row_gradient);
  to.setCut(x.cut.value);
}

void put(message_writer&, schema::PushAck::Builder to, const push_ack& x) {
  put(to.initFrom(), x.from);
  to.setLease(x.what.value);
  to.setAttempt(x.attempt.value);
  to.setOutcome(static_cast<schema::PushOutcome>(x.outcome));
  to.setClock(x.clock.value);
  to.setVersion(x.version.value);
  to.setCut(x.cut.value);
}

void put(message_writer& out, schema::SnapshotRequest::Builder to, const snapshot_request& x) {
  put(to.initFrom(), x.from);
  to.setSequence(x.sequence);
  if (!x.rows.empty()) put(out, to.initRows(), x.rows);
}

void put(message_writer&, schema::Rejection::Builder to, const rejection& x) {
  to.setCode(static_cast<std::uint8_t>(x.why.code));
  to.setText(x.why.text.substr(0, rejection_text_max));
}

template <class Builder>
void put_numbers(message_writer& out, Builder to, const std::vector<std::int32_t>& numbers) {
  if (numbers.empty()) return;
  ops::tensor made(ops::dtype::i32, {std::ssize(numbers)});
  std::ranges::copy(numbers, made.values<std::int32_t>().begin());
  put(out, to.initNumbers(), made);
}

/// Fills in what an input says beyond its frame.
struct input_writer {
  message_writer& out;
  schema::ShardInput::Builder to;

  void operator()(std::monostate) { LAGRANGE_EXPECT(false, "an input of nothing"); }
  void operator()(const pull_request&) { to.setKind(schema::InputKind::PULL); }
  void operator()(const std::shared_ptr<const gradient_push>&) {
    to.setKind(schema::InputKind::PUSH);
  }
  void operator()(const membership_view& x) {
    to.setKind(schema::InputKind::VIEW);
    put(to.initBy(), x.from);
    std::vector<std::int32_t> numbers;
    for (const auto& each : x.members)
      numbers.insert(numbers.end(), {static_cast<std::int32_t>(each.worker.value),
                                     static_cast<std::int32_t>(each.life.value), each.live ? 1 : 0,
                                     each.was_fenced ? 1 : 0});
    put_numbers(out, to, numbers);
  }
  void operator()(const round_closing& x) {
    to.setKind(schema::InputKind::CLOSING);
    put(to.initBy(), x.from);
    to.setNumber(x.round);
    to.setMembers(static_cast<std::uint32_t>(x.members.size()));
    std::vector<std::int32_t> numbers;
    for (const auto* leases : {&x.members, &x.excluded})
      for (const auto id : *leases)
        numbers.insert(numbers.end(), {static_cast<std::int32_t>(id.value),
                                       static_cast<std::int32_t>(id.value >> 32)});
    put_numbers(out, to, numbers);
  }
  void operator()(const switch_order& x) {
    to.setKind(schema::InputKind::SWITCHING);
    put(to.initBy(), x.from);
    to.setNumber(x.number);
    to.setPhase(static_cast<std::uint8_t>(x.phase));
    to.setFirst(x.first.value);
    to.setPolicy(x.policy);
  }
  void operator()(const settlement_ack& x) {
    to.setKind(schema::InputKind::SETTLED);
    put(to.initBy(), x.from);
    to.setNumber(x.sequence);
  }
  void operator()(state_note) { to.setKind(schema::InputKind::NOTE); }
  void operator()(settlement_order) { to.setKind(schema::InputKind::SETTLEMENT); }
};

/// Of a pull or a push: its own. Its urgency is that of all inputs, whose order counts.
transport::frame frame_in(const shard_input& x) {
  if (const auto* pull = std::get_if<pull_request>(&x.what)) return encode(*pull);
  if (const auto* push = std::get_if<std::shared_ptr<const gradient_push>>(&x.what))
    return encode(**push);
  return {};
}

template <class Root, class T>
transport::frame encode_as(FrameKind kind, urgency first, const T& message) {
  const auto defect = defect_of(message);
  LAGRANGE_EXPECT(!defect, defect->text);
  message_writer out;
  put(out, out.root<Root>(), message);
  return out.to_frame(kind, first);
}

} // namespace

transport::frame encode(const lease_request& message) {
  return encode_as<schema::LeaseRequest>(FrameKind::LEASE_REQUEST, urgency::control, message);
}
transport::frame encode(const lease_grant& message) {
  return encode_as<schema::LeaseGrant>(FrameKind::LEASE_GRANT, urgency::samples, message);
}
transport::frame encode(const pull_request& message) {
  return encode_as<schema::PullRequest>(FrameKind::PULL_REQUEST, urgency::control, message);
}
transport::frame encode(const pull_reply& message) {
  return encode_as<schema::PullReply>(FrameKind::PULL_REPLY, urgency::parameters, message);
}
transport::frame encode(const gradient_push& message) {
  return encode_as<schema::GradientPush>(FrameKind::GRADIENT_PUSH, urgency::gradients, message);
}
transport::frame encode(const push_ack& message) {
  return encode_as<schema::PushAck>(FrameKind::PUSH_ACK, urgency::control, message);
}
transport::frame encode(const snapshot_request& message) {
  return encode_as<schema::SnapshotRequest>(FrameKind::SNAPSHOT_REQUEST, urgency::control, message);
}
transport::frame encode(const rejection& message) {
  return encode_as<schema::Rejection>(FrameKind::REJECTION, urgency::control, message);
}

transport::frame encode(const input_ack& message) {
  message_writer out;
  auto to = out.root<schema::InputAck>();
  put(to.initFrom(), message.from);
  to.setSequence(message.sequence);
  return out.to_frame(FrameKind::INPUT_ACK, urgency::control);
}
transport::frame encode(const filling_piece& message) {
  message_writer out;
  auto to = out.root<schema::ShardFilling>();
  put(to.initFrom(), message.from);
  to.setSequence(message.sequence);
  to.setRecords(message.records);
  to.setArray(message.array);
  to.setFirst(message.first);
  to.setIsLast(message.is_last);
  if (!message.bytes.empty()) put(out, to.initBytes(), message.bytes);
  return out.to_frame(FrameKind::SHARD_FILLING, urgency::gradients);
}
transport::frame encode(const shard_input& message) {
  auto inner = frame_in(message);
  message_writer out;
  auto to = out.root<schema::ShardInput>();
  put(to.initFrom(), message.from);
  to.setSequence(message.sequence);
  to.setNow(message.now.time_since_epoch().count());
  to.setRecords(message.records);
  to.setWords(static_cast<std::uint32_t>(inner.head.size()));
  std::visit(input_writer{out, to}, message.what);
  auto made = out.to_frame(FrameKind::SHARD_INPUT, urgency::gradients);
  if (inner.head.empty()) return made;
  made.head.insert(made.head.end(), inner.head.begin(), inner.head.end());
  made.payloads = std::move(inner.payloads);
  return made;
}

} // namespace lagrange::runtime
