#include "runtime/wire.hpp"

#include "runtime/wire_check.hpp"
#include "runtime/wire_frame.hpp"

#include <fmt/format.h>

#include <cstring>
#include <new>
#include <optional>

namespace lagrange::runtime {

namespace {

using schema::FrameKind;

// ---- writing ------------------------------------------------------------------------------------

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
}

void put(message_writer& out, schema::Tensor::Builder to, const ops::tensor& x) {
  LAGRANGE_EXPECT(x.where().kind == ops::device::kind_type::cpu,
                  "a tensor on another device was to be sent; copy it to the CPU first");
  to.setType(static_cast<schema::DType>(x.type()));
  const auto extents = x.extents().extents();
  auto list = to.initExtents(static_cast<unsigned>(extents.size()));
  for (unsigned axis = 0; axis < extents.size(); ++axis) list.set(axis, extents[axis]);
  if (x.size_bytes() > 0) to.adoptData(out.refer({x.bytes(), x.size_bytes()}));
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

void put(message_writer&, schema::PullRequest::Builder to, const pull_request& x) {
  put(to.initFrom(), x.from);
  to.setClock(x.clock.value);
  to.setHeldLife(x.held_life.value);
  to.setHeld(x.held.value);
}

void put(message_writer& out, schema::PullReply::Builder to, const pull_reply& x) {
  put(to.initFrom(), x.from);
  to.setClock(x.clock.value);
  to.setVersion(x.version.value);
  to.setChanged(x.changed);
  if (x.changed) put(out, to.initParameters(), x.parameters);
}

void put(message_writer& out, schema::GradientPush::Builder to, const gradient_push& x) {
  put(to.initFrom(), x.from);
  to.setClock(x.clock.value);
  put(to.initWhat(), x.what);
  to.setRead(x.read.value);
  to.setFrame(x.frame);
  to.setFrames(x.frames);
  to.setFirst(x.first);
  if (!x.gradient.empty()) put(out, to.initGradient(), x.gradient);
  to.setVerdict(static_cast<schema::PushVerdict>(x.verdict));
  to.setSamples(x.samples);
  to.setClipScale(x.clip_scale);
}

template <class Root, class T>
std::vector<char> encode_as(FrameKind kind, const T& message) {
  const auto defect = defect_of(message);
  LAGRANGE_EXPECT(!defect, defect->text);
  message_writer out;
  put(out, out.root<Root>(), message);
  auto frame = out.flatten(frame_header_bytes);
  seal_frame(kind, frame);
  return frame;
}

// ---- reading ------------------------------------------------------------------------------------

/// Reads the fields of one frame and keeps the first defect that it meets.
class field_reader {
public:
  explicit field_reader(FrameKind kind) : kind_(kind) {}

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
            .name = {enumerator("from.role", in.getRole(), actor_role::evaluator), in.getIndex()},
            .life = {in.getLife()}};
  }

  lease read(schema::Lease::Reader in) {
    return {.id = {in.getId()},
            .attempt = {in.getAttempt()},
            .epoch = in.getEpoch(),
            .round = in.getRound(),
            .round_size = in.getRoundSize()};
  }

  ops::tensor read(std::string_view field, schema::Tensor::Reader in);
  batch read(schema::Batch::Reader in);
  lease_grant read(schema::LeaseGrant::Reader in);
  pull_request read(schema::PullRequest::Reader in);
  pull_reply read(schema::PullReply::Reader in);
  gradient_push read(schema::GradientPush::Reader in);

private:
  std::optional<ops::shape> read_extents(std::string_view field,
                                         capnp::List<std::int64_t>::Reader in);

  FrameKind kind_;
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
  ops::tensor out(type, *extents);
  if (wanted > 0) std::memcpy(out.bytes(), data.begin(), wanted);
  return out;
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
          .kind = enumerator("kind", in.getKind(), grant_kind::finished),
          .what = read(in.getWhat()),
          .clock = {in.getClock()},
          .samples = in.hasSamples() ? read(in.getSamples()) : batch{}};
}

pull_request field_reader::read(schema::PullRequest::Reader in) {
  return {.from = read(in.getFrom()),
          .clock = {in.getClock()},
          .held_life = {in.getHeldLife()},
          .held = {in.getHeld()}};
}

pull_reply field_reader::read(schema::PullReply::Reader in) {
  return {.from = read(in.getFrom()),
          .clock = {in.getClock()},
          .version = {in.getVersion()},
          .changed = in.getChanged(),
          .parameters =
              in.hasParameters() ? read("parameters", in.getParameters()) : ops::tensor{}};
}

gradient_push field_reader::read(schema::GradientPush::Reader in) {
  return {.from = read(in.getFrom()),
          .clock = {in.getClock()},
          .what = read(in.getWhat()),
          .read = {in.getRead()},
          .frame = in.getFrame(),
          .frames = in.getFrames(),
          .first = in.getFirst(),
          .gradient = in.hasGradient() ? read("gradient", in.getGradient()) : ops::tensor{},
          .verdict = enumerator("verdict", in.getVerdict(), push_verdict::leave),
          .samples = in.getSamples(),
          .clip_scale = in.getClipScale()};
}

template <class Root, class T>
result<T> decode_as(FrameKind kind, std::span<const char> frame) {
  BOOST_OUTCOME_TRY(body, open_frame(kind, frame));
  field_reader in(kind);
  try {
    const aligned_words words(body);
    capnp::FlatArrayMessageReader message(words.get(), limits_of(words.get()));
    if (message.getEnd() != words.get().end())
      in.refuse(
          "length",
          fmt::format("{} words longer than its message", words.get().end() - message.getEnd()),
          "nothing after the message");
    T out = in.read(message.getRoot<Root>());
    if (auto defect = in.defect()) return BOOST_OUTCOME_V2_NAMESPACE::failure(*std::move(defect));
    if (auto defect = defect_of(out))
      return BOOST_OUTCOME_V2_NAMESPACE::failure(*std::move(defect));
    return out;
  } catch (const kj::Exception& problem) {
    in.refuse("Cap'n Proto message", problem.getDescription().cStr(), "a valid one");
  } catch (const ops::device_error& problem) {
    in.refuse("a tensor", problem.what(), "one that fits into this machine's memory");
  } catch (const std::bad_alloc&) {
    in.refuse("the frame", "too large", "one that fits into this machine's memory");
  }
  return BOOST_OUTCOME_V2_NAMESPACE::failure(*in.defect());
}

} // namespace

std::vector<char> encode(const lease_grant& message) {
  return encode_as<schema::LeaseGrant>(FrameKind::LEASE_GRANT, message);
}
std::vector<char> encode(const pull_request& message) {
  return encode_as<schema::PullRequest>(FrameKind::PULL_REQUEST, message);
}
std::vector<char> encode(const pull_reply& message) {
  return encode_as<schema::PullReply>(FrameKind::PULL_REPLY, message);
}
std::vector<char> encode(const gradient_push& message) {
  return encode_as<schema::GradientPush>(FrameKind::GRADIENT_PUSH, message);
}

template <>
result<lease_grant> decode<lease_grant>(std::span<const char> frame) {
  return decode_as<schema::LeaseGrant, lease_grant>(FrameKind::LEASE_GRANT, frame);
}
template <>
result<pull_request> decode<pull_request>(std::span<const char> frame) {
  return decode_as<schema::PullRequest, pull_request>(FrameKind::PULL_REQUEST, frame);
}
template <>
result<pull_reply> decode<pull_reply>(std::span<const char> frame) {
  return decode_as<schema::PullReply, pull_reply>(FrameKind::PULL_REPLY, frame);
}
template <>
result<gradient_push> decode<gradient_push>(std::span<const char> frame) {
  return decode_as<schema::GradientPush, gradient_push>(FrameKind::GRADIENT_PUSH, frame);
}

} // namespace lagrange::runtime
