/// \file
/// Messages with tensors as bytes: Cap'n Proto frames as schema/frame.capnp describes them, and
/// framed<T>, which is what actors exchange. Inside a process a framed<T> is a reference count;
/// between processes it is the bytes of encode(). Whoever replaces the network below the actors
/// replaces framed<T>'s inspect and keeps encode and decode.
///
/// Bytes from outside are not trusted: decode() checks every length, count, extent, enumerator and
/// version before it uses it, and allocates no more than a small multiple of the bytes that came.
#pragma once

#include "runtime/error.hpp"
#include "runtime/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lagrange::runtime {

/// Raised with every change that an older reader would misread. Other versions are refused.
constexpr std::uint16_t protocol_version = 1;

/// What a frame may hold. A sender that breaks a limit has a bug; a receiver refuses the frame.
struct wire_limits {
  /// One whole push of one shard fits; CAF's network layer carries at most 2 GiB and copies each
  /// payload several times, and Cap'n Proto ends at 512 MiB.
  static constexpr std::size_t frame_bytes_max = std::size_t{256} << 20;
  /// A shard keeps a bit for each frame of a push: 8 KiB. At 1 MiB a frame this is 64 GiB.
  static constexpr std::uint32_t frames_max = 1u << 16;
  /// A shard keeps a gradient for each lease of a round.
  static constexpr std::uint32_t round_leases_max = 1u << 16;
  /// Elements of a whole shard; positions in it cannot overflow.
  static constexpr std::uint64_t shard_elements_max = std::uint64_t{1} << 48;
};

/// The frame of a message: header and Cap'n Proto bytes, ready to be sent.
/// Requires: a message that decode() would take, tensors on the CPU, at most frame_bytes_max.
/// Cost: one copy of the elements and one checksum over them.
std::vector<char> encode(const lease_grant& message);
std::vector<char> encode(const pull_request& message);
std::vector<char> encode(const pull_reply& message);
std::vector<char> encode(const gradient_push& message);

/// The message in a frame. The tensors are fresh, aligned to 64 bytes, and share nothing with it.
/// Errors: bad_frame, naming the kind of frame, the field, what was found and what was expected.
/// Never throws because of what the bytes hold.
/// Cost: one checksum and one copy of the elements; one more copy if `frame` is not aligned to 8.
template <class T>
result<T> decode(std::span<const char> frame);
template <>
result<lease_grant> decode<lease_grant>(std::span<const char> frame);
template <>
result<pull_request> decode<pull_request>(std::span<const char> frame);
template <>
result<pull_reply> decode<pull_reply>(std::span<const char> frame);
template <>
result<gradient_push> decode<gradient_push>(std::span<const char> frame);

/// A message with tensors on its way between actors: shared inside a process, bytes between them.
/// Either it holds a message, or `defect` says why the bytes that came were none. The receiver
/// looks at it before anything else, and closes the connection of a peer that sends defects.
template <class T>
class framed {
public:
  framed() : defect{errc::bad_frame, "an empty frame: no message was put into it"} {}
  framed(T message) : value(std::make_shared<const T>(std::move(message))) {}
  framed(std::shared_ptr<const T> message) : framed() {
    if (message) value = std::move(message), defect = {};
  }
  explicit framed(error found) : defect(std::move(found)) {}

  explicit operator bool() const { return value != nullptr; }
  /// Requires: the frame holds a message.
  const T& operator*() const {
    LAGRANGE_EXPECT(value != nullptr, defect.text);
    return *value;
  }
  const T* operator->() const { return &**this; }

  std::shared_ptr<const T> value;
  error defect;
};

/// For logs: never the bytes.
template <class T>
std::string to_string(const framed<T>& x) {
  return x ? "frame" : "no frame: " + x.defect.text;
}

/// Bytes while it is written, a message or its defect while it is read. Bytes that are no frame are
/// no failure of the inspector, so that the actor which they were sent to decides.
template <class Inspector, class T>
auto inspect(Inspector& f, framed<T>& x) {
  std::vector<char> frame;
  if constexpr (Inspector::reads_state) {
    if (x) frame = encode(*x);
    return f(frame);
  } else {
    auto problem = f(frame);
    if (!problem) {
      auto message = decode<T>(frame);
      x = message ? framed<T>(std::move(message).value()) : framed<T>(std::move(message).error());
    }
    return problem;
  }
}

} // namespace lagrange::runtime
