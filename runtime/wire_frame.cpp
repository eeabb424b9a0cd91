#include "runtime/wire_frame.hpp"

#include "runtime/wire.hpp"

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace lagrange::runtime {

namespace {

static_assert(protocol_version == schema::PROTOCOL_VERSION, "wire.hpp and frame.capnp differ");

constexpr std::size_t word_bytes = sizeof(capnp::word);
// A message read once counts no more than its words; the rest is for objects without any. So two
// pointers to one payload do not get read as two.
constexpr std::uint64_t slack_words = 16;
constexpr int nesting_limit = 8;

std::size_t padded(std::size_t bytes) { return (bytes + word_bytes - 1) / word_bytes * word_bytes; }

void append(std::vector<char>& out, const void* from, std::size_t bytes) {
  const auto* first = static_cast<const char*>(from);
  out.insert(out.end(), first, first + bytes);
}

void append_table(std::vector<char>& out,
                  kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  std::array<unsigned char, 4> number;
  auto put = [&](std::size_t value) {
    boost::endian::store_little_u32(number.data(), static_cast<std::uint32_t>(value));
    append(out, number.data(), number.size());
  };
  put(segments.size() - 1);
  for (const auto& segment : segments) put(segment.size());
  if (segments.size() % 2 == 0) put(0);
}

} // namespace

std::string_view name(schema::FrameKind kind) {
  constexpr std::string_view names[] = {"lease grant",      "pull request",  "pull reply",
                                        "gradient push",    "lease request", "push ack",
                                        "snapshot request", "rejection",     "shard input",
                                        "input ack",        "shard filling"};
  const auto index = static_cast<std::size_t>(kind);
  return index < std::size(names) ? names[index] : "unknown kind";
}

error bad_field(std::string_view frame, std::string_view field, const std::string& found,
                const std::string& expected) {
  return {errc::bad_frame,
          fmt::format("bad frame ({}): {} is {}, expected {}; the frame was refused: if its sender "
                      "belongs to this job, check that both run the same build",
                      frame, field, found, expected)};
}

message_writer::message_writer()
    : scratch_{}, message_(kj::arrayPtr(scratch_.data(), scratch_.size())) {}

capnp::Orphan<capnp::Data> message_writer::refer(std::span<const std::byte> payload) {
  payloads_.push_back(payload);
  return message_.getOrphanage().referenceExternalData(
      {reinterpret_cast<const kj::byte*>(payload.data()), payload.size()});
}

capnp::Orphan<capnp::Data> message_writer::refer(const ops::tensor& payload) {
  LAGRANGE_EXPECT(payload.where().kind == ops::device::kind_type::cpu,
                  "a tensor on another device was to be sent; copy it to the CPU first");
  tensors_.push_back(payload);
  return refer(std::span(payload.bytes(), payload.size_bytes()));
}

std::vector<std::span<const std::byte>> message_writer::pieces() {
  static constexpr std::array<std::byte, word_bytes> zeros{};
  const auto segments = message_.getSegmentsForOutput();
  table_.clear();
  append_table(table_, segments);
  std::vector<std::span<const std::byte>> made{std::as_bytes(std::span(table_))};
  for (const auto& segment : segments) {
    const auto* first = reinterpret_cast<const std::byte*>(segment.begin());
    // Cap'n Proto counts a payload in whole words, and the last may end behind its memory.
    const auto payload = std::ranges::find(payloads_, first, &std::span<const std::byte>::data);
    const auto owned = payload == payloads_.end() ? segment.asBytes().size() : payload->size();
    made.emplace_back(first, owned);
    made.push_back(std::span(zeros).first(segment.asBytes().size() - owned));
  }
  return made;
}

std::vector<char> message_writer::flatten(std::size_t header_bytes) {
  const auto all = pieces();
  auto total = header_bytes;
  for (const auto& piece : all) total += piece.size();
  std::vector<char> out;
  out.reserve(total); // and append, rather than size and assign: no byte is written twice
  out.resize(header_bytes);
  for (const auto& piece : all) append(out, piece.data(), piece.size());
  return out;
}

transport::frame message_writer::to_frame(schema::FrameKind kind, transport::urgency first) {
  const auto segments = message_.getSegmentsForOutput();
  LAGRANGE_EXPECT(segments.size() == 1 + tensors_.size(),
                  fmt::format("a {} whose head does not fit into its scratch", name(kind)));
  transport::frame made;
  made.kind = static_cast<std::uint16_t>(kind);
  made.first = first;
  const auto head = segments[0].asBytes();
  made.head.resize(segments[0].size());
  std::memcpy(made.head.data(), head.begin(), head.size());
  made.payloads.assign(std::make_move_iterator(tensors_.begin()),
                       std::make_move_iterator(tensors_.end()));
  LAGRANGE_EXPECT(made.payload_bytes() <= wire_limits::frame_bytes_max,
                  fmt::format("a {} of {} bytes; tensors are sent in frames of at most {}",
                              name(kind), made.payload_bytes(), wire_limits::frame_bytes_max));
  return made;
}

aligned_words::aligned_words(std::span<const char> bytes) {
  const auto count = bytes.size() / word_bytes;
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::uint64_t) == 0) {
    words_ = {reinterpret_cast<const capnp::word*>(bytes.data()), count};
    return;
  }
  copy_.resize(count);
  std::memcpy(static_cast<void*>(copy_.data()), bytes.data(), count * word_bytes);
  words_ = {copy_.data(), count};
}

capnp::ReaderOptions limits_of(kj::ArrayPtr<const capnp::word> words) {
  return {.traversalLimitInWords = words.size() + slack_words, .nestingLimit = nesting_limit};
}

message_reader::segments message_reader::segments_of(const transport::frame& from) {
  segments made;
  made.emplace_back(reinterpret_cast<const capnp::word*>(from.head.data()), from.head.size());
  for (const auto& payload : from.payloads)
    made.emplace_back(reinterpret_cast<const capnp::word*>(payload.bytes()),
                      padded(payload.size_bytes()) / word_bytes);
  return made;
}

capnp::ReaderOptions message_reader::limits_of(const segments& all) {
  std::uint64_t words = slack_words;
  for (const auto& each : all) words += each.size();
  return {.traversalLimitInWords = words, .nestingLimit = nesting_limit};
}

message_reader::message_reader(const transport::frame& from)
    : from_(from), segments_(segments_of(from)),
      message_(kj::arrayPtr(segments_.data(), segments_.size()), limits_of(segments_)) {}

ops::tensor message_reader::tensor_of(capnp::Data::Reader data, ops::dtype type,
                                      const ops::shape& extents) const {
  const auto* first = reinterpret_cast<const std::byte*>(data.begin());
  for (const auto& payload : from_.payloads) {
    const std::less_equal<> is_not_after;
    const auto* end = payload.bytes() + payload.size_bytes();
    if (!is_not_after(payload.bytes(), first) || !is_not_after(first + data.size(), end)) continue;
    if (reinterpret_cast<std::uintptr_t>(first) % ops::size_bytes(type) != 0) break;
    return payload.view(type, extents, static_cast<std::size_t>(first - payload.bytes()));
  }
  ops::tensor copy(type, extents);
  if (data.size() > 0) std::memcpy(copy.bytes(), data.begin(), data.size());
  return copy;
}

} // namespace lagrange::runtime
