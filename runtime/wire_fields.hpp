/// \file
/// Fields of frames as they are read and checked. Private to wire, because it shows Cap'n Proto's
/// types.
#pragma once

#include "runtime/wire.hpp"
#include "runtime/wire_check.hpp"
#include "runtime/wire_frame.hpp"

#include <fmt/format.h>

#include <new>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// Reads the fields of one frame and keeps the first defect that it meets.
class field_reader {
public:
  field_reader(schema::FrameKind kind, message_reader& in) : kind_(kind), in_(in) {}

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
  filling_piece read(schema::ShardFilling::Reader in) {
    return {.from = read(in.getFrom()),
            .sequence = in.getSequence(),
            .records = in.getRecords(),
            .array = in.getArray(),
            .first = in.getFirst(),
            .is_last = in.getIsLast(),
            .bytes = in.hasBytes() ? read("bytes", in.getBytes()) : ops::tensor{}};
  }
  std::vector<std::int32_t> read_numbers(schema::ShardInput::Reader in, std::size_t of_each);
  membership_view read_view(schema::ShardInput::Reader in);
  round_closing read_closing(schema::ShardInput::Reader in);
  switch_order read_switch(schema::ShardInput::Reader in);

private:
  std::optional<ops::shape> read_extents(std::string_view field,
                                         capnp::List<std::int64_t>::Reader in);

  schema::FrameKind kind_;
  message_reader& in_;
  std::optional<error> defect_;
};

/// Errors: bad_frame. Never throws because of what the bytes hold.
template <class Root, class T>
result<T> decode_as(schema::FrameKind kind, const transport::frame& frame) {
  const auto refuse = [&](std::string_view field, const std::string& found,
                          const std::string& expected) {
    return BOOST_OUTCOME_V2_NAMESPACE::failure(bad_field(name(kind), field, found, expected));
  };
  if (frame.kind != static_cast<std::uint16_t>(kind))
    return refuse(
        "kind",
        fmt::format("{} ({})", frame.kind, name(static_cast<schema::FrameKind>(frame.kind))),
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

} // namespace lagrange::runtime
