/// \file
/// The outside of a frame: header, checksum and segments. Private to wire and checkpoint, because
/// it shows Cap'n Proto's types.
#pragma once

#include "ops/tensor.hpp"
#include "runtime/error.hpp"
#include "schema/frame.capnp.h"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

/// As in "gradient push".
std::string_view name(schema::FrameKind kind);

/// A bad_frame error: what field of what holds what instead of what.
error bad_field(std::string_view frame, std::string_view field, const std::string& found,
                const std::string& expected);

/// A Cap'n Proto message under construction whose large payloads stay where they are until the one
/// copy that puts them into the outgoing bytes.
class message_writer {
public:
  message_writer();
  message_writer(const message_writer&) = delete;
  message_writer& operator=(const message_writer&) = delete;

  template <class Root>
  typename Root::Builder root() {
    return message_.initRoot<Root>();
  }

  /// Refers to bytes that do not change until flatten() is done.
  /// Requires: aligned to 8, less than 512 MiB.
  capnp::Orphan<capnp::Data> refer(std::span<const std::byte> payload);

  /// `header_bytes` zeros, then the message in the standard stream framing.
  std::vector<char> flatten(std::size_t header_bytes);

private:
  // Enough for every message without its payload, so that none needs the heap.
  std::array<capnp::word, 128> scratch_;
  capnp::MallocMessageBuilder message_;
  std::vector<std::span<const std::byte>> payloads_;
};

/// Writes header and checksum into the zeros at the front of a flattened message.
/// Requires: at most wire_limits::frame_bytes_max.
void seal_frame(schema::FrameKind kind, std::span<char> frame);
constexpr std::size_t frame_header_bytes = 24;

/// Cap'n Proto's words of bytes at any address: a view if they are aligned, else a copy.
class aligned_words {
public:
  explicit aligned_words(std::span<const char> bytes);
  kj::ArrayPtr<const capnp::word> get() const { return words_; }

private:
  std::vector<capnp::word> copy_;
  kj::ArrayPtr<const capnp::word> words_;
};

/// Checks header, length and checksum, and returns what follows the header.
/// Errors: bad_frame.
result<std::span<const char>> open_frame(schema::FrameKind kind, std::span<const char> frame);

/// Reading options under which no message can make its reader look at more than it holds.
capnp::ReaderOptions limits_of(kj::ArrayPtr<const capnp::word> words);

} // namespace lagrange::runtime
