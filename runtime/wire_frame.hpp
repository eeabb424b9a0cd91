/// \file
/// Frames below their fields: Cap'n Proto segments that refer to tensors, and back. Private to wire
/// and checkpoint, because it shows Cap'n Proto's types.
#pragma once

#include "ops/tensor.hpp"
#include "runtime/error.hpp"
#include "runtime/transport/frame.hpp"
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
  /// The same for a tensor, which the frame then holds. Requires: on the CPU.
  capnp::Orphan<capnp::Data> refer(const ops::tensor& payload);

  /// The message in the standard stream framing, as spans one after another: payloads where they
  /// are. Valid as long as they and this are.
  std::vector<std::span<const std::byte>> pieces();
  /// `header_bytes` zeros, then the message in the standard stream framing.
  std::vector<char> flatten(std::size_t header_bytes);

  /// The message as a frame that refers to its tensors.
  /// Requires: at most wire_limits::frame_bytes_max, and no more than fits into the scratch but the
  /// tensors.
  transport::frame to_frame(schema::FrameKind kind, transport::urgency first);

private:
  // Enough for every message without its tensors, so that none needs the heap.
  std::array<capnp::word, 160> scratch_;
  capnp::MallocMessageBuilder message_;
  boost::container::small_vector<std::span<const std::byte>, 2> payloads_;
  boost::container::small_vector<ops::tensor, 2> tensors_;
  std::vector<char> table_; ///< of pieces()
};

/// Cap'n Proto's words of bytes at any address: a view if they are aligned, else a copy.
class aligned_words {
public:
  explicit aligned_words(std::span<const char> bytes);
  kj::ArrayPtr<const capnp::word> get() const { return words_; }

private:
  std::vector<capnp::word> copy_;
  kj::ArrayPtr<const capnp::word> words_;
};

/// Reading options under which no message can make its reader look at more than it holds.
capnp::ReaderOptions limits_of(kj::ArrayPtr<const capnp::word> words);

/// A received frame as a Cap'n Proto message. Reading it may throw kj::Exception.
class message_reader {
public:
  /// Requires: the frame outlives it.
  explicit message_reader(const transport::frame& from);

  template <class Root>
  typename Root::Reader root() {
    return message_.getRoot<Root>();
  }
  /// The bytes of `data` as elements: a view of the payload they lie in, or a copy if they lie in
  /// the head or are not aligned.
  /// Requires: as many bytes as the elements take.
  ops::tensor tensor_of(capnp::Data::Reader data, ops::dtype type, const ops::shape& extents) const;

private:
  using segments = boost::container::small_vector<kj::ArrayPtr<const capnp::word>, 3>;
  static segments segments_of(const transport::frame& from);
  static capnp::ReaderOptions limits_of(const segments& all);

  const transport::frame& from_;
  segments segments_;
  capnp::SegmentArrayMessageReader message_;
};

} // namespace lagrange::runtime
