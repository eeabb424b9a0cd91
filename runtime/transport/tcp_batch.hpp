/// \file
/// What one write to a TCP stream takes: many small frames, or a chunk of a large one. Records,
/// heads and small payloads are laid side by side; tensors are written from where they lie.
#pragma once

#include "runtime/transport/outbox.hpp"
#include "runtime/transport/record.hpp"

#include <sys/uio.h>

#include <span>
#include <vector>

namespace lagrange::runtime::transport {

/// Gathered with add(), laid out with seal(), written from rest() until it is_done(), cleared.
class tcp_batch {
public:
  explicit tcp_batch(checksums of);
  /// A record that no bytes follow.
  void add(const record& x);
  /// The next chunk of a frame that stays where it is until the batch is cleared, and will be
  /// continued. Requires: the frame has more bytes left than chunk_bytes_max.
  void add_chunk(outgoing& of);
  /// The last or only chunk of a frame.
  void add_last(std::unique_ptr<outgoing> of);
  bool is_empty() const { return parts_.empty(); }
  /// A batch that goes on for long keeps urgent frames waiting.
  bool is_full() const { return parts_.size() == parts_max || bytes_ >= enough_bytes; }

  /// Computes the checksums. Cost: one pass over what they cover, which brings it to the cache.
  void seal();
  bool is_sealed() const { return is_sealed_; }
  std::span<const iovec> rest() const { return std::span(pieces_).subspan(written_); }
  void advance(std::size_t bytes);
  bool is_done() const { return written_ == pieces_.size(); }
  /// Lets go of the frames.
  void clear();

private:
  static constexpr std::size_t parts_max = 64;
  static constexpr std::size_t enough_bytes = 256 << 10;
  static constexpr std::size_t laid_bytes = 64 << 10;
  struct part {
    record begin;
    const outgoing* item = nullptr; ///< null: a record alone
    std::uint64_t from = 0;         ///< position of the chunk in the frame's bytes
  };

  void add_part(outgoing& of, std::uint64_t bytes);
  void lay(part& x);
  void lay_bytes(std::span<const std::byte> bytes);
  std::byte* lay_down(const void* bytes, std::size_t count);

  const checksums checksums_;
  std::vector<part> parts_;
  std::vector<std::unique_ptr<outgoing>> owned_;
  std::vector<std::byte> laid_; ///< fixed in size, so that pieces may point into it
  std::size_t laid_used_ = 0;
  std::vector<iovec> pieces_;
  std::size_t written_ = 0; ///< of the pieces, completely
  std::size_t bytes_ = 0;
  bool is_sealed_ = false;
};

} // namespace lagrange::runtime::transport
