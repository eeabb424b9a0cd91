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

} // namespace lagrange::runtime
