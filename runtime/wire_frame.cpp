#include "runtime/wire_frame.hpp"

#include "runtime/wire.hpp"
#include "runtime/wire_checksum.hpp"

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace lagrange::runtime {

namespace {

static_assert(protocol_version == schema::PROTOCOL_VERSION, "wire.hpp and frame.capnp differ");

constexpr std::string_view magic = "LGRF";
constexpr std::size_t version_at = 4, kind_at = 6, length_at = 8, crc_at = 16, zero_at = 20;
constexpr std::size_t word_bytes = sizeof(capnp::word);

const unsigned char* unsigned_at(std::span<const char> bytes, std::size_t at) {
  return reinterpret_cast<const unsigned char*>(bytes.data()) + at;
}
unsigned char* unsigned_at(std::span<char> bytes, std::size_t at) {
  return reinterpret_cast<unsigned char*>(bytes.data()) + at;
}

// Of everything but the checksum's own four bytes.
std::uint32_t checksum(std::span<const char> frame) {
  return crc32c(frame.subspan(zero_at), crc32c(frame.first(crc_at)));
}

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
  constexpr std::string_view names[] = {"lease grant", "pull request", "pull reply",
                                        "gradient push"};
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

std::vector<char> message_writer::flatten(std::size_t header_bytes) {
  const auto segments = message_.getSegmentsForOutput();
  auto total = header_bytes + padded((1 + segments.size()) * 4);
  for (const auto& segment : segments) total += segment.asBytes().size();
  std::vector<char> out;
  out.reserve(total); // and append, rather than size and assign: no byte is written twice
  out.resize(header_bytes);
  append_table(out, segments);
  for (const auto& segment : segments) {
    const auto* first = reinterpret_cast<const std::byte*>(segment.begin());
    // Cap'n Proto counts a payload in whole words, and the last may end behind its memory.
    const auto payload = std::ranges::find(payloads_, first, &std::span<const std::byte>::data);
    const auto owned = payload == payloads_.end() ? segment.asBytes().size() : payload->size();
    append(out, first, owned);
    out.resize(out.size() + segment.asBytes().size() - owned);
  }
  return out;
}

void seal_frame(schema::FrameKind kind, std::span<char> frame) {
  using namespace boost::endian;
  LAGRANGE_EXPECT(frame.size() <= wire_limits::frame_bytes_max,
                  fmt::format("a frame of {} bytes; tensors are sent in frames of at most {}",
                              frame.size(), wire_limits::frame_bytes_max));
  std::copy(magic.begin(), magic.end(), frame.begin());
  store_little_u16(unsigned_at(frame, version_at), protocol_version);
  store_little_u16(unsigned_at(frame, kind_at), static_cast<std::uint16_t>(kind));
  store_little_u64(unsigned_at(frame, length_at), frame.size());
  store_little_u32(unsigned_at(frame, crc_at), checksum(frame));
}

result<std::span<const char>> open_frame(schema::FrameKind kind, std::span<const char> frame) {
  using namespace boost::endian;
  auto refuse = [&](std::string_view field, const std::string& found, const std::string& expected) {
    return BOOST_OUTCOME_V2_NAMESPACE::failure(bad_field(name(kind), field, found, expected));
  };
  if (frame.size() < frame_header_bytes + word_bytes)
    return refuse("length", fmt::format("{} bytes", frame.size()),
                  fmt::format("at least {}", frame_header_bytes + word_bytes));
  if (frame.size() > wire_limits::frame_bytes_max)
    return refuse("length", fmt::format("{} bytes", frame.size()),
                  fmt::format("at most {}", wire_limits::frame_bytes_max));
  if (std::string_view(frame.data(), magic.size()) != magic)
    return refuse("magic",
                  fmt::format("{:02x}", fmt::join(unsigned_at(frame, 0),
                                                  unsigned_at(frame, magic.size()), " ")),
                  "4c 47 52 46 (\"LGRF\")");
  if (const auto version = load_little_u16(unsigned_at(frame, version_at));
      version != protocol_version)
    return refuse("protocol version", std::to_string(version), std::to_string(protocol_version));
  if (const auto found = load_little_u16(unsigned_at(frame, kind_at));
      found != static_cast<std::uint16_t>(kind))
    return refuse("kind",
                  fmt::format("{} ({})", found, name(static_cast<schema::FrameKind>(found))),
                  fmt::format("{} ({})", static_cast<int>(kind), name(kind)));
  if (const auto length = load_little_u64(unsigned_at(frame, length_at)); length != frame.size())
    return refuse("length in the header", fmt::format("{} bytes", length),
                  fmt::format("{}, the bytes that came", frame.size()));
  if (frame.size() % word_bytes != 0)
    return refuse("length", fmt::format("{} bytes", frame.size()), "a multiple of 8");
  if (const auto crc = load_little_u32(unsigned_at(frame, crc_at)); crc != checksum(frame))
    return refuse("checksum", fmt::format("{:08x}", crc),
                  fmt::format("{:08x}, that of the bytes that came", checksum(frame)));
  if (const auto zero = load_little_u32(unsigned_at(frame, zero_at)); zero != 0)
    return refuse("reserved header field", std::to_string(zero), "0");
  return frame.subspan(frame_header_bytes);
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
  // A message read once counts no more than its words; the rest is for objects without any. So two
  // pointers to one payload do not get read as two.
  constexpr std::uint64_t slack_words = 16;
  return {.traversalLimitInWords = words.size() + slack_words, .nestingLimit = 8};
}

} // namespace lagrange::runtime
