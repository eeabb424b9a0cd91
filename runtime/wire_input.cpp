// What a shard tells its replica, out of frames.
#include "runtime/wire_fields.hpp"

namespace lagrange::runtime {

using schema::FrameKind;

/// Numbers of so many to an item.
std::vector<std::int32_t> field_reader::read_numbers(schema::ShardInput::Reader in,
                                                     std::size_t of_each) {
  if (!in.hasNumbers()) return {};
  const auto found = read("numbers", in.getNumbers());
  if (defect_) return {};
  const auto count = static_cast<std::size_t>(found.elements());
  if (found.type() != ops::dtype::i32 || found.extents().rank() != 1 || count % of_each != 0) {
    refuse("numbers",
           fmt::format("{} {}", ops::name(found.type()), ops::to_string(found.extents())),
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
  return {read(in.getBy()),
          in.getNumber(),
          enumerator("phase", in.getPhase(), switch_phase::resume),
          in.getPolicy().cStr(),
          {in.getFirst()}};
}

/// Pulls and pushes apart, which have frames of their own.
shard_input field_reader::read(schema::ShardInput::Reader in) {
  shard_input made{read(in.getFrom()),
                   in.getSequence(),
                   time_point(std::chrono::nanoseconds(in.getNow())),
                   in.getRecords(),
                   {}};
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

template <>
result<filling_piece> decode<filling_piece>(const transport::frame& frame) {
  return decode_as<schema::ShardFilling, filling_piece>(FrameKind::SHARD_FILLING, frame);
}
template <>
result<input_ack> decode<input_ack>(const transport::frame& frame) {
  return decode_as<schema::InputAck, input_ack>(FrameKind::INPUT_ACK, frame);
}

namespace {

/// The frame behind the words of an input.
result<transport::frame> frame_in(const transport::frame& outer) {
  std::uint64_t words = 0, own = 1; // the pointer to the root
  transport::frame made;
  try {
    message_reader message(outer);
    const auto root = message.root<schema::ShardInput>();
    words = root.getWords();
    own += root.totalSize().wordCount;
    made.kind = static_cast<std::uint16_t>(root.getKind() == schema::InputKind::PULL
                                               ? FrameKind::PULL_REQUEST
                                               : FrameKind::GRADIENT_PUSH);
  } catch (const kj::Exception& problem) {
    return BOOST_OUTCOME_V2_NAMESPACE::failure(bad_field(
        name(FrameKind::SHARD_INPUT), "words", problem.getDescription().cStr(), "a valid number"));
  }
  if (words == 0 || own + words != outer.head.size())
    return BOOST_OUTCOME_V2_NAMESPACE::failure(
        bad_field(name(FrameKind::SHARD_INPUT), "words", std::to_string(words),
                  fmt::format("the {} behind its own {}", outer.head.size(), own)));
  made.head.assign(outer.head.end() - static_cast<std::ptrdiff_t>(words), outer.head.end());
  made.payloads = outer.payloads;
  return made;
}

} // namespace

template <>
result<shard_input> decode<shard_input>(const transport::frame& frame) {
  BOOST_OUTCOME_TRY(made,
                    decode_as<schema::ShardInput, shard_input>(FrameKind::SHARD_INPUT, frame));
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
