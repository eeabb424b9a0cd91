#include "runtime/transport/record.hpp"

#include "runtime/wire_checksum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <type_traits>

namespace lagrange::runtime::transport {

static_assert(std::endian::native == std::endian::little, "records are copied as they lie");
static_assert(std::is_trivially_copyable_v<record>);

namespace {

std::uint32_t checksum(const record& x) {
  return crc32c({reinterpret_cast<const char*>(&x) + sizeof x.crc, sizeof x - sizeof x.crc});
}

bool is_known(record_type type) { return type >= record_type::hello && type <= record_type::beat; }

result<void> check_frame(const record& x) {
  if (x.payloads > frame::payloads_max)
    return refuse("the number of payloads", std::to_string(x.payloads),
                  fmt::format("at most {}", frame::payloads_max));
  if (x.head_words > frame::head_words_max)
    return refuse("the head", fmt::format("{} words", x.head_words),
                  fmt::format("at most {}", frame::head_words_max));
  if (!std::all_of(x.sizes.begin() + x.payloads, x.sizes.end(),
                   [](auto size) { return size == 0; }))
    return refuse("the size of a payload that is not there", "not 0", "0");
  const auto payload_bytes = x.payload_bytes();
  if (payload_bytes > limits::frame_bytes_max)
    return refuse("the sum of the payloads", fmt::format("{} bytes", payload_bytes),
                  fmt::format("at most {}", limits::frame_bytes_max));
  const auto whole = x.head_words * std::uint64_t{8} + payload_bytes;
  if (x.packed > 1) return refuse("the packing", std::to_string(x.packed), "0 or 1");
  if (x.packed == 1 ? x.total >= whole || x.total <= x.head_words * std::uint64_t{8}
                    : x.total != whole)
    return refuse(
        "the frame's length", fmt::format("{} bytes", x.total),
        fmt::format("{}{}, as its head and payloads are", x.packed ? "less than " : "", whole));
  return success();
}

} // namespace

std::uint64_t record::payload_bytes() const {
  return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
}

void seal(record& x) { x.crc = checksum(x); }

result<record> open_record(std::span<const std::byte, record_bytes> bytes) {
  record x;
  std::memcpy(&x, bytes.data(), sizeof x);
  if (x.magic != record::magic_expected)
    return refuse("magic", fmt::format("{:04x}", x.magic),
                  fmt::format("{:04x}", record::magic_expected));
  if (const auto expected = checksum(x); x.crc != expected)
    return refuse("a record's checksum", fmt::format("{:08x}", x.crc),
                  fmt::format("{:08x}, that of the bytes that came", expected));
  if (!is_known(x.type))
    return refuse("a record's type", std::to_string(static_cast<int>(x.type)), "1 to 6");
  if (static_cast<std::size_t>(x.first) >= urgencies)
    return refuse("urgency", std::to_string(static_cast<int>(x.first)),
                  fmt::format("less than {}", urgencies));
  if (x.type == record_type::frame) {
    BOOST_OUTCOME_TRY(check_frame(x));
  }
  return x;
}

BOOST_OUTCOME_V2_NAMESPACE::failure_type<error>
refuse(std::string_view field, const std::string& found, const std::string& expected) {
  return failure(errc::bad_frame,
                 fmt::format("bad frame: {} is {}, expected {}; the link was closed: if the peer "
                             "belongs to this job, check that both run the same build",
                             field, found, expected));
}

} // namespace lagrange::runtime::transport
