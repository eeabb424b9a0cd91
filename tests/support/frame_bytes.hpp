/// \file
/// Frames as raw bytes for the tests that damage them: a count of segments, their sizes, segments.
#pragma once

#include "runtime/transport/frame.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::tests {

using bytes = std::vector<char>;

inline std::span<const char> head_of(const runtime::transport::frame& x) {
  return {reinterpret_cast<const char*>(x.head.data()), x.head.size() * sizeof(std::uint64_t)};
}

/// Head and payloads one after another, as they would travel.
inline bytes to_bytes(const runtime::transport::frame& x) {
  const auto head = head_of(x);
  bytes out(head.begin(), head.end());
  for (const auto& payload : x.payloads) {
    const auto* first = reinterpret_cast<const char*>(payload.bytes());
    out.insert(out.end(), first, first + payload.size_bytes());
  }
  return out;
}

/// A frame whose head and payloads have other bytes, all of them fresh memory as a receiver's are.
/// Bytes beyond those of `shape` make its last payload longer; missing ones cut it.
inline runtime::transport::frame with_bytes(const runtime::transport::frame& shape,
                                            std::span<const char> from) {
  runtime::transport::frame out;
  out.kind = shape.kind;
  const auto take = [&](void* to, std::size_t count) {
    count = std::min(count, from.size());
    if (count > 0) std::memcpy(to, from.data(), count);
    from = from.subspan(count);
    return count;
  };
  out.head.resize(std::min(shape.head.size(), from.size() / sizeof(std::uint64_t)));
  take(out.head.data(), out.head.size() * sizeof(std::uint64_t));
  for (std::size_t index = 0; index < shape.payloads.size(); ++index) {
    const bool is_last = index + 1 == shape.payloads.size();
    const auto size =
        is_last ? from.size() : std::min(from.size(), shape.payloads[index].size_bytes());
    ops::tensor payload(ops::dtype::u8, {static_cast<std::int64_t>(size)});
    take(payload.bytes(), size);
    out.payloads.push_back(std::move(payload));
  }
  return out;
}

/// As a receiver has it.
inline runtime::transport::frame received(const runtime::transport::frame& sent) {
  return with_bytes(sent, to_bytes(sent));
}

inline void flip(bytes& of, std::size_t bit) {
  of[bit / 8] = static_cast<char>(of[bit / 8] ^ (1 << bit % 8));
}

/// Hexadecimal digits, sixteen bytes a line.
inline std::string to_hex(std::span<const char> of) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < of.size(); ++i) {
    const auto byte = static_cast<unsigned char>(of[i]);
    out += {digits[byte >> 4], digits[byte & 15]};
    if (i % 16 == 15) out += '\n';
  }
  if (of.size() % 16 != 0) out += '\n';
  return out;
}

} // namespace lagrange::tests
