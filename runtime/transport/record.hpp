/// \file
/// What frames are cut into on a link between processes: records of 64 bytes, which name the bytes
/// that follow them. TCP and shared memory use the same ones.
///
/// Records come from outside: open_record() checks every field before anybody uses one.
#pragma once

#include "runtime/error.hpp"
#include "runtime/transport/frame.hpp"
#include "runtime/transport/limits.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lagrange::runtime::transport {

enum class record_type : std::uint8_t {
  hello = 1, ///< the first on a link: `kind` is the protocol version, `total` the credit granted
  frame,     ///< begins a frame
  more,      ///< goes on with the frame of that urgency that has begun (TCP)
  credit,    ///< `total` bytes in `head_words` frames were let go (TCP)
  want,      ///< the sender waits for credit (TCP)
  beat,      ///< nothing to say, but alive
};

/// What a record's bytes_crc covers: payloads that never leave the host need none.
enum class checksums : std::uint8_t { heads_and_payloads = 0, heads };

/// As it lies in memory and on the wire, little-endian.
struct record {
  std::uint32_t crc = 0; ///< CRC-32C of the 60 bytes behind it
  std::uint16_t magic = magic_expected;
  record_type type = record_type::beat;
  urgency first = urgency::control;
  std::uint16_t kind = 0;  ///< of the frame
  std::uint8_t packed = 0; ///< 1: the payloads are one zstd stream
  std::uint8_t payloads = 0;
  std::uint32_t head_words = 0;
  std::uint32_t bytes = 0;     ///< that follow this record
  std::uint32_t bytes_crc = 0; ///< CRC-32C of what `checksums` says of those
  std::uint64_t total = 0;     ///< of a frame: its head and payloads, in all its records
  std::array<std::uint32_t, frame::payloads_max> sizes{}; ///< of the payloads, unpacked

  static constexpr std::uint16_t magic_expected = 0x474C; // "LG"
  std::uint64_t payload_bytes() const;
};
constexpr std::size_t record_bytes = sizeof(record);
static_assert(record_bytes == 64);

/// Fills in the checksum: the last step before a record leaves.
void seal(record& x);

/// The record in 64 bytes that came. Its numbers agree with each other and with the limits; whether
/// they agree with the link's state is for the caller. Errors: bad_frame.
result<record> open_record(std::span<const std::byte, record_bytes> bytes);

/// Says what was found and what was expected, as the failure that a function returns.
BOOST_OUTCOME_V2_NAMESPACE::failure_type<error>
refuse(std::string_view field, const std::string& found, const std::string& expected);

} // namespace lagrange::runtime::transport
