/// \file
/// The receiving half of a TCP link: from bytes to frames. Small things are read many at a time;
/// what belongs to a large payload is read straight to where it stays.
#pragma once

#include "runtime/transport/arriving.hpp"
#include "runtime/transport/stream.hpp"

#include <array>
#include <vector>

namespace lagrange::runtime::transport {

/// What a reader asks and tells. Called by the thread that reads.
class tcp_events {
public:
  virtual ~tcp_events() = default;
  /// A frame with payloads begins. False: the credit does not cover it.
  virtual bool admit(std::uint64_t payload_bytes) = 0;
  /// What is to be held until a frame's payloads are let go; it keeps their memory.
  virtual std::shared_ptr<const void> keeper_of(block memory, std::uint64_t payload_bytes) = 0;
  virtual void on_frame(frame what) = 0;
  virtual void on_credit(std::uint64_t bytes, std::uint32_t frames) = 0;
  virtual void on_want() = 0;
  /// No more is to be read.
  virtual bool is_over() const = 0;
};

class tcp_reader {
public:
  tcp_reader(block_pool& memory, tcp_events& to, checksums of)
      : memory_(memory), to_(to), checksums_(of) {}
  /// Reads some. Returns: what the stream did last; `failed` with bad_frame when its bytes were no
  /// records, or broke a limit.
  transfer read(stream& from);
  /// The last read() got less than it asked for: epoll tells when there is more.
  bool is_drained() const { return is_drained_; }

private:
  /// A frame on its way, and what it takes in all.
  struct journey {
    arriving frame;
    std::uint64_t head_left = 0; ///< bytes of the head that have not come
    std::uint64_t payload_bytes = 0;
    std::uint64_t wire_bytes = 0;
  };

  void note(std::span<const std::byte> came);
  transfer read_directly(stream& from, std::span<std::byte> place);
  result<void> parse();
  result<void> on_record(const record& x);
  result<void> begin(const record& x);
  result<void> go_on(const record& x);
  result<void> end_chunk();

  block_pool& memory_;
  tcp_events& to_;
  const checksums checksums_;
  std::array<journey, urgencies> journeys_;
  journey* now_ = nullptr; ///< whose chunk is being read; null: a record comes next
  std::uint64_t chunk_left_ = 0;
  std::uint32_t chunk_crc_ = 0, chunk_crc_expected_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(limits::read_bytes);
  bool is_drained_ = false;
  std::size_t first_ = 0, last_ = 0; ///< what of the buffer was read and not parsed
};

} // namespace lagrange::runtime::transport
