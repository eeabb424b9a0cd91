/// \file
/// Frames as raw bytes for the tests that damage them.
#pragma once

#include "runtime/wire_checksum.hpp"

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::tests {

/// Makes the checksum of a damaged frame right again, so that what lies behind it is tested.
inline void reseal(std::vector<char>& frame) {
  const std::span<const char> bytes(frame);
  const auto crc = runtime::crc32c(bytes.subspan(20), runtime::crc32c(bytes.first(16)));
  std::memcpy(frame.data() + 16, &crc, sizeof crc);
}

inline void flip(std::vector<char>& bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
}

/// Hexadecimal digits, sixteen bytes a line.
inline std::string to_hex(std::span<const char> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out += {digits[byte >> 4], digits[byte & 15]};
    if (i % 16 == 15) out += '\n';
  }
  if (bytes.size() % 16 != 0) out += '\n';
  return out;
}

} // namespace lagrange::tests
